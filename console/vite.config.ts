import { defineConfig } from 'vite'

// Of the same sources it makes the same files. They are served as they are: every path in them is relative, and nothing
// is inlined, for the page's policy takes no inline script and no style.
export default defineConfig({
  base: './',
  build: {
    outDir: '../dist/page',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
    // What is built in is handed on: with the licences that say so.
    license: { fileName: 'licenses.md' }
  }
})
