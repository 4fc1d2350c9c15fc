import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test as base, expect, type Page } from '@playwright/test';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const pages = [
  '/',
  '/alerts',
  '/incidents',
  '/logs',
  '/ip-management',
  '/rules',
  '/inventory',
  '/simulator',
  '/playground',
  '/settings',
  '/nowhere',
] as const;

/** Every test fails when the page asks another host, logs an error or throws. */
export const test = base.extend<{ honest: undefined }>({
  honest: [
    async ({ context, baseURL }, use) => {
      const problems: string[] = [];
      const own = new URL(baseURL ?? '').host;
      context.on('request', (r) => {
        const url = new URL(r.url());
        if (url.protocol !== 'data:' && url.protocol !== 'blob:' && url.host !== own)
          problems.push(`asked another host: ${r.url()}`);
      });
      context.on('weberror', (e) => problems.push(`threw: ${e.error().message}`));
      context.on('console', (m) => {
        // A refused request of the simulator is what it is for, as is one for what the bank never had; the
        // browser logs each as an error.
        const nowhere =
          /status of 404/.test(m.text()) &&
          /\/api\/(accounts|v[12]|internal|archive|staging|partner|reports)\/[\w/]+$/.test(m.location().url);
        if (m.type() === 'error' && !nowhere && !/status of 4(01|03|29)/.test(m.text()))
          problems.push(`logged: ${m.text()}`);
      });
      await use(undefined);
      expect(problems).toEqual([]);
    },
    { auto: true },
  ],
});

/** What axe objects to, as sentences. */
export async function objections(page: Page): Promise<string[]> {
  await page.evaluate(axe); // through the debugger: our content policy rightly refuses a script tag
  return page.evaluate(async () => {
    type Result = { violations: { id: string; help: string; nodes: { target: string[] }[] }[] };
    const { axe } = window as unknown as { axe: { run(at: Document, o: object): Promise<Result> } };
    const result = await axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return result.violations.map(
      (v) => `${v.id}: ${v.help} at ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`,
    );
  });
}

/** Sends one request to the bank as that client, and gives the status. */
export async function ask(page: Page, client: string, path: string, key = 'user_key'): Promise<number> {
  const answer = await page.request.get(path, {
    headers: { 'X-Simulated-IP': client, 'X-API-Key': key },
    failOnStatusCode: false,
  });
  return answer.status();
}

export { expect };
