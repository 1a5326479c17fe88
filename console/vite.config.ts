import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The node serves what is built here under /console, with hashed names that may be kept for ever.
export default defineConfig({
  base: "/console/",
  plugins: [svelte()],
  build: {
    outDir: "../src/tocsin/_console",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content-security policy names files, not data addresses
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1400,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000", "/map": "http://127.0.0.1:8000" } },
});
