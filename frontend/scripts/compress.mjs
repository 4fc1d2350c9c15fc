// Writes .gz and .br beside the built files, so that the server never compresses while it answers.
// Moderate settings on purpose: the build is part of `make run`, and the files travel once.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);
const dist = new URL('../dist/', import.meta.url);

const total = { raw: 0, gz: 0, br: 0 };
async function compress(name) {
  const path = new URL(name, dist);
  const raw = readFileSync(path);
  if (raw.length < 1024) return;
  const [gz, br] = await Promise.all([
    zip(raw, { level: 7 }),
    brotli(raw, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 6, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length },
    }),
  ]);
  writeFileSync(new URL(`${name}.gz`, dist), gz);
  writeFileSync(new URL(`${name}.br`, dist), br);
  total.raw += raw.length;
  total.gz += gz.length;
  total.br += br.length;
}

const names = readdirSync(dist, { recursive: true }).filter((f) => /\.(js|css|html|json|svg|ttf)$/.test(f));
await Promise.all(names.map(compress));
const mb = (n) => `${(n / 1024 / 1024).toFixed(2)} MB`;
console.log(`${names.length} files: ${mb(total.raw)}, gzip ${mb(total.gz)}, brotli ${mb(total.br)}`);
