// Builds the explorer into files that the server embeds. Nothing is loaded from another origin.
export default {
  base: '/explorer/',
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2022',
    // Everything is served by this machine, so a few large files are as good as many small ones.
    chunkSizeWarningLimit: 10_000,
    reportCompressedSize: false,
    modulePreload: false,
    // The notices of what is bundled, which its licences ask for.
    license: { fileName: 'licenses.md' },
  },
  worker: { format: 'es' },
};
