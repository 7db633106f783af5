import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// `--mode mock` builds the window with the invented world of src/backend/mock inside; a release never contains it.
export default defineConfig(({ mode, command }) => ({
  plugins: [svelte()],
  define: { __MOCK__: JSON.stringify(mode === 'mock' || (command === 'serve' && mode !== 'production')) },
  clearScreen: false,
  build: {
    target: ['es2022', 'safari16'],
    outDir: mode === 'mock' ? 'dist-mock' : 'dist',
    // Everything is a file of our own origin: a data: address would need a wider content policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // Looked at under the content policy of the app, so that what it forbids is seen here.
  preview: {
    headers: {
      'Content-Security-Policy':
        "default-src 'self'; img-src 'self' data: blob:; connect-src 'self' ws://127.0.0.1:*; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
}));
