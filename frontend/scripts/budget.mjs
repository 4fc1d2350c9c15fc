// Fails the build when the app outgrows what it promises: gzipped JavaScript until the shell paints, and
// until the whole dashboard stands. Counted from Vite's manifest: an entry and all it imports statically.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));

const budgets = [
  { what: 'shell', max: 180, chunks: ['index.html'] },
  {
    what: 'dashboard',
    max: 400,
    chunks: ['index.html', 'src/pages/dashboard/DashboardPage.tsx', 'src/charts/echarts.ts'],
  },
];

function filesOf(key, files = new Set()) {
  const chunk = manifest[key];
  if (!chunk) throw new Error(`${key} is not in the manifest: has it been renamed?`);
  if (files.has(chunk.file)) return files;
  files.add(chunk.file);
  for (const next of chunk.imports ?? []) filesOf(next, files);
  return files;
}

let over = false;
for (const { what, max, chunks } of budgets) {
  const files = new Set();
  for (const chunk of chunks) filesOf(chunk, files);
  let bytes = 0;
  for (const f of files) bytes += gzipSync(readFileSync(new URL(f, dist)), { level: 9 }).length;
  const kilobytes = bytes / 1024;
  over ||= kilobytes > max;
  console.log(`${what}: ${kilobytes.toFixed(1)} kB of ${max} kB gzipped JavaScript in ${files.size} files`);
}
process.exit(over ? 1 : 0);
