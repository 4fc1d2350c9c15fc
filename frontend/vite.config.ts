import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// Where the Go server listens while `npm run dev` serves the app.
const server = process.env.SENTINEL_URL ?? 'http://127.0.0.1:8080';
const headers = { origin: server }; // it answers its own pages only

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: 'dist', // which embed.go puts into the binary; public/.gitkeep keeps the folder in git
    emptyOutDir: true,
    manifest: true, // scripts/budget.mjs reads it
    target: 'es2022',
    assetsInlineLimit: 0, // no data: addresses, so that the content security policy can stay strict
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/, priority: 30 },
          ],
        },
      },
    },
  },
  worker: { format: 'es' },
  server: {
    host: '127.0.0.1',
    fs: { allow: ['..'] }, // simulator/ lies beside the app
    proxy: {
      '/graphql': { target: server, ws: true, changeOrigin: true, rewriteWsOrigin: true, headers },
      '/api': { target: server, changeOrigin: true, headers },
    },
  },
  test: {
    environment: 'happy-dom',
    setupFiles: ['./src/testing/setup.ts'],
    include: ['src/**/*.test.{ts,tsx}', '../simulator/*.test.ts'],
    css: false,
    restoreMocks: true,
    pool: 'threads',
    maxWorkers: 2,
  },
});
