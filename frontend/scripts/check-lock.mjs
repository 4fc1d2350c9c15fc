// Fails when package-lock.json names a host, lacks an integrity, or lacks an optional platform package
// that a dependency declares: such a lock, written behind a partial mirror, breaks `npm ci` for others.
import { readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
const problems = [];

/** Whether `name` is locked where a package at `path` would find it. */
function locked(path, name) {
  const steps = path === '' ? [] : path.split('/node_modules/');
  for (let depth = steps.length; depth >= 0; depth--) {
    const from = steps.slice(0, depth).join('/node_modules/');
    if (packages[`${from ? `${from}/` : ''}node_modules/${name}`]) return true;
  }
  return false;
}

for (const [path, p] of Object.entries(packages)) {
  const { funding: _, ...facts } = p; // where to send money is an address, but nobody downloads from it
  if (/https?:\/\//.test(JSON.stringify(facts))) problems.push(`${path}: names an address`);
  if (path.includes('node_modules/') && !p.link && !p.inBundle && !p.integrity)
    problems.push(`${path}: has no integrity`);
  for (const name of Object.keys(p.optionalDependencies ?? {}))
    if (!locked(path, name)) problems.push(`${path}: optional ${name} is not locked`);
}

for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
