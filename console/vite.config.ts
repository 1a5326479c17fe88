import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin, type ResolvedConfig } from "vite";

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
  plugins: [onlyWoff2(), svelte(), compressed()],
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
