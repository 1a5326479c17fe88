import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, transformWithOxc, type Plugin, type ResolvedConfig } from "vite";

/** Every browser that runs this console reads woff2; the woff copies would double the wheel. */
function onlyWoff2(): Plugin {
  return {
    name: "only-woff2",
    enforce: "post",
    // At the end: the fonts' own sheets are imported into ours and never seen one by one.
    generateBundle(_, bundle) {
      for (const [name, file] of Object.entries(bundle)) {
        if (name.endsWith(".woff")) delete bundle[name];
        else if (file.type === "asset" && name.endsWith(".css")) {
          file.source = String(file.source).replace(/,\s*url\([^)]+\.woff\)\s*format\(["']?woff["']?\)/g, "");
        }
      }
    },
  };
}

/** What our maps never ask for: another encoding of tiles than ours, and the programs that colour
 * heights and heat. A style that did would say so in the console. */
const LEFT_OUT: [RegExp, string][] = [
  [/source\/vector_tile_mlt\.ts$/, 'export class MLTVectorTile { constructor() { throw new Error("tiles in MLT are left out of this build"); } }'],
  [/shaders\/glsl\/(hillshade|hillshade_prepare|heatmap|heatmap_texture|color_relief)\.(vertex|fragment)\.glsl\.g\.ts$/, 'export default "void main(){}";'],
];

/** The map library as its authors publish it is two files, for the page and for its worker, and what
 * both need is in each: a third of either. From the sources in the same package both are made here,
 * with the common part once. Types, and the page while one develops, stay with the published files. */
function mapFromSource(): Plugin {
  const source = join(import.meta.dirname, "node_modules/maplibre-gl/src"), worker = "\0map-worker";
  return {
    name: "map-from-source",
    apply: "build",
    enforce: "pre",
    resolveId(id) {
      if (id === "maplibre-gl") return join(source, "index.ts");
      return id.startsWith("maplibre-gl/dist/maplibre-gl-worker") ? worker : undefined;
    },
    transform(code, id) {
      if (!id.startsWith(source) || !id.endsWith(".ts")) return undefined;
      // As its authors compile it: a field that is only declared is not set to undefined.
      return transformWithOxc(code, id, { typescript: { removeClassFieldsWithoutInitializer: true }, assumptions: { setPublicClassFields: true } });
    },
    load(id) {
      const stub = id.startsWith(source) && LEFT_OUT.find(([name]) => name.test(id));
      if (stub) return stub[1];
      if (id !== worker) return undefined;
      const made = this.emitFile({ type: "chunk", id: join(source, "source/worker.ts"), name: "map-worker" });
      return `export default import.meta.ROLLUP_FILE_URL_${made};`;
    },
  };
}

/** Compressed once at the build, not at every answer. */
function compressed(): Plugin {
  let config: ResolvedConfig;
  return {
    name: "compressed",
    apply: "build",
    configResolved: (found) => void (config = found),
    closeBundle() {
      const folder = join(config.root, config.build.outDir);
      const out = config.build.outDir.startsWith("/") ? config.build.outDir : folder;
      for (const name of readdirSync(out, { recursive: true, encoding: "utf8" })) {
        if (!/\.(js|mjs|css|html|svg|json)$/.test(name)) continue;
        const file = join(out, name);
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
        writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file)));
      }
    },
  };
}

// The node serves what is built here under /console, with hashed names that may be kept for ever.
export default defineConfig({
  base: "/console/",
  plugins: [mapFromSource(), onlyWoff2(), svelte(), compressed()],
  build: {
    outDir: "../src/tocsin/_console",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content-security policy names files, not data addresses
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1400,
    reportCompressedSize: false,
    // Beside the console: the small map of the residents' pages, which the node draws itself.
    rollupOptions: { input: { index: "index.html", "public-map": "src/public/map.ts", crew: "src/crew/crew.ts" } },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000", "/map": "http://127.0.0.1:8000" } },
});
