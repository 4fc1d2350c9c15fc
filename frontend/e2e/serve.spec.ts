import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { expect, objections, test } from './page';

const first = Number(process.env.E2E_PORT ?? 18080) + 1;
const [gateway, desk, service, upstream] = [first, first + 1, first + 2, first + 3];
const program = fileURLToPath(new URL('../../bin/sentinel', import.meta.url));
const data = mkdtempSync(join(tmpdir(), 'sentinel-serve-'));
const password = { ada: 'winter lamp seven boats', bo: 'purple engine forty doves' };

let serve: ChildProcess;
let api: Server;
let setup: string;

test.describe.configure({ mode: 'serial' }); // one story
test.use({ baseURL: `http://127.0.0.1:${desk}` });

test.beforeAll(async () => {
  api = createServer((request, answer) => {
    answer.statusCode = request.url?.startsWith('/login') ? 401 : 200;
    answer.end('{}');
  }).listen(upstream, '127.0.0.1');
  const config = join(data, 'sentinel.yml');
  writeFileSync(
    config,
    `gateway: {listen: "127.0.0.1:${gateway}", upstreams: [{name: api, url: "http://127.0.0.1:${upstream}"}]}
clients: {trusted_proxies: [127.0.0.1/32]}
console: {listen: "127.0.0.1:${desk}"}
service: {listen: "127.0.0.1:${service}"}
storage: {data: "${join(data, 'data')}"}
`,
  );
  serve = spawn(program, ['serve', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  setup = await new Promise<string>((resolve, reject) => {
    let said = '';
    const read = (chunk: Buffer) => {
      said += chunk.toString();
      const [link] = /http:\/\/\S+\/setup#\S+/.exec(said) ?? [];
      if (link) resolve(link);
    };
    serve.stdout?.on('data', read);
    serve.stderr?.on('data', read);
    serve.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${said}`)));
  });
});

test.afterAll(async () => {
  if (serve.exitCode === null) {
    const ended = new Promise((resolve) => serve.once('exit', resolve));
    serve.kill('SIGTERM');
    await ended;
  }
  api.close();
  rmSync(data, { recursive: true, force: true });
});

/** Six failed sign-ins of one client, which is one too many. */
async function attack(client: string) {
  for (let i = 0; i < 8; i++)
    await fetch(`http://127.0.0.1:${gateway}/login`, {
      method: 'POST',
      headers: { 'X-Forwarded-For': client },
    });
}

async function signIn(page: Page, name: keyof typeof password) {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password[name]);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

const live = (page: Page) => expect(page.getByText('Live', { exact: true })).toBeVisible();

test('the link of the first start makes the admin; who signs out and in is where he was', async ({
  page,
}) => {
  await page.goto('/alerts?status=all');
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await expect(page.getByText('There is no admin yet.')).toBeVisible();
  expect(await objections(page)).toEqual([]);

  await page.goto(setup);
  await expect(page.getByLabel('Name')).toBeVisible();
  expect(page.url()).not.toContain('token');
  expect(await objections(page)).toEqual([]);
  await page.getByLabel('Name').fill('ada');
  await page.getByLabel('Password', { exact: true }).fill(password.ada);
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('heading', { name: 'Dashboard' })).toBeVisible();
  await live(page);
  await expect(page.getByText('Observing:')).toBeVisible();

  await page.goto('/alerts?status=all');
  await page.getByRole('button', { name: 'ada, admin: menu' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByText('You have signed out.')).toBeVisible();
  await signIn(page, 'ada');
  await expect(page.getByRole('heading', { name: 'Alerts' })).toBeVisible();
  expect(new URL(page.url()).search).toBe('?status=all');
  await live(page);

  await page.goto('about:blank');
  await page.goto(setup);
  await page.getByLabel('Name').fill('cy');
  await page.getByLabel('Password', { exact: true }).fill('another lamp seven boats');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('heading', { name: 'This link is good no more' })).toBeVisible();
});

test('an invited viewer sees all and may nothing; when the role changes, the session ends', async ({
  page,
  browser,
  baseURL,
}) => {
  await page.goto('/settings');
  await signIn(page, 'ada');
  await expect(page.getByRole('table', { name: 'Operators' })).toBeVisible();
  expect(await objections(page)).toEqual([]);
  await page.getByRole('button', { name: 'Add operator' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('bo');
  await page.getByText('Viewer', { exact: true }).click();
  await page.getByRole('button', { name: 'Add and make a link' }).click();
  const link = await page.getByLabel('Link').inputValue();
  await page.getByRole('button', { name: 'Done' }).click();

  await attack('203.0.113.9');
  const context = await browser.newContext({ baseURL, reducedMotion: 'reduce' });
  const viewer = await context.newPage();
  await viewer.goto(link);
  await expect(viewer.getByLabel('Name')).toHaveValue('bo');
  await viewer.getByLabel('Password', { exact: true }).fill(password.bo);
  await viewer.getByRole('button', { name: 'Set password and sign in' }).click();
  await live(viewer);
  await expect(viewer.getByRole('link', { name: 'Simulator' })).toHaveCount(0);

  await viewer.goto('/alerts');
  await viewer.getByRole('link', { name: 'Repeated authentication failures' }).first().click();
  await expect(viewer.getByRole('region', { name: 'Evidence' })).toBeVisible();
  for (const name of [/^Resolve/, /^Block/, /^Monitor/, /^Lift/])
    await expect(viewer.getByRole('button', { name })).toHaveCount(0);
  await expect(viewer.getByRole('checkbox')).toHaveCount(0);
  await viewer.goto('/ip-management?add=203.0.113.9');
  await expect(viewer.getByRole('heading', { name: 'IP management' })).toBeVisible();
  await expect(viewer.getByRole('button', { name: 'Add address' })).toHaveCount(0);
  await expect(viewer.getByRole('dialog')).toHaveCount(0);
  await viewer.goto('/settings');
  await expect(viewer.getByRole('heading', { name: 'Your password' })).toBeVisible();
  await expect(viewer.getByRole('heading', { name: 'Operators' })).toHaveCount(0);
  await viewer.goto('/rules');
  await expect(viewer.getByRole('list', { name: 'Rules of core' })).toBeVisible();
  expect(await objections(viewer)).toEqual([]);
  await live(viewer);

  await page.getByLabel('Role of bo').selectOption('ANALYST');
  await page.getByRole('button', { name: 'Make an analyst' }).click();
  await expect(viewer.getByText('You were signed out.')).toBeVisible();
  await signIn(viewer, 'bo');
  await expect(viewer.getByRole('heading', { name: 'Rules', exact: true })).toBeVisible();
  await viewer.goto('/ip-management');
  await expect(viewer.getByRole('button', { name: 'Add address' }).first()).toBeVisible();
  await context.close();
});

test('a new password ends the session and opens the next one', async ({ page }) => {
  await page.goto('/settings');
  await signIn(page, 'bo');
  await page.getByLabel('Present password', { exact: true }).fill(password.bo);
  await page.getByLabel('New password', { exact: true }).fill('quiet garden ninety spoons');
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByText('Your new password is in force.')).toBeVisible();
  password.bo = 'quiet garden ninety spoons';
  await signIn(page, 'bo');
  await expect(page.getByRole('heading', { name: 'Settings' })).toBeVisible();
  await live(page);
});
