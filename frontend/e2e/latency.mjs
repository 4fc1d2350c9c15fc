// Measures, in the browser, the time from the request that trips a rule to the alert painted on an open
// dashboard: `npm run latency`. Prints the quantiles; it judges nothing, because a busy machine is no bug.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';

const alerts = Number(process.env.ALERTS ?? 300);
const gap = 60; // ms between alerts
const address = '127.0.0.1:18081';
const data = mkdtempSync(join(tmpdir(), 'sentinel-latency-'));
const program = fileURLToPath(new URL('../../bin/sentinel', import.meta.url));
const demo = spawn(program, ['demo', '--listen', address, '--data', data], { stdio: 'ignore' });

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const bank = (client, path) =>
  fetch(`http://${address}${path}`, { headers: { 'X-Simulated-IP': client, 'X-API-Key': 'user_key' } });

async function ready() {
  for (let i = 0; i < 200; i++) {
    const answer = await fetch(`http://${address}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await wait(50);
  }
  throw new Error('the demo did not become ready');
}

/** Runs in the page: notes the time at which each client was first painted in the feed of alerts. */
function watch() {
  const painted = {};
  window.painted = painted;
  const look = () => {
    const found = [];
    for (const item of document.querySelectorAll('[data-alert]')) {
      const client = /198\.18\.\d+\.\d+/.exec(item.textContent ?? '')?.[0];
      if (client && !(client in painted)) {
        painted[client] = 0;
        found.push(client);
      }
    }
    if (found.length === 0) return;
    // A frame callback runs before its paint; a message posted from it is handled after.
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        for (const client of found) painted[client] = performance.timeOrigin + performance.now();
      };
      port2.postMessage(0);
    });
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];

const browser = await chromium.launch({
  ...(process.env.CHROMIUM ? { executablePath: process.env.CHROMIUM } : {}),
  args: ['--disable-gpu', '--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
});
let ended = false;
try {
  await ready();
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(`http://${address}/`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.evaluate(watch);
  await wait(1500); // the socket is open

  // Honest traffic in the background, so that the dashboard has something else to do.
  const background = (async () => {
    for (let i = 0; !ended; i++) {
      await bank(`198.19.${(i >> 6) & 63}.${i & 63}`, '/api/balance').catch(() => undefined);
      await wait(5);
    }
  })();

  const sent = {};
  for (let i = 0; i < alerts; i++) {
    const client = `198.18.${i >> 8}.${i & 255}`;
    sent[client] = performance.timeOrigin + performance.now();
    bank(client, '/api/admin/users').catch(() => undefined);
    await wait(gap);
  }
  await wait(2000);
  ended = true;
  await background;
  const painted = await page.evaluate(() => window.painted);
  const delays = Object.keys(sent)
    .filter((c) => painted[c])
    .map((c) => painted[c] - sent[c])
    .sort((a, b) => a - b);
  console.log(
    `from request to painted alert, ${delays.length} of ${alerts} alerts seen: ` +
      [0.5, 0.95, 0.99, 1].map((q) => `p${q * 100} ${quantile(delays, q).toFixed(0)} ms`).join(', '),
  );
  if (delays.length < alerts) process.exitCode = 1; // an alert that never arrives is no matter of speed
} finally {
  await browser.close();
  demo.kill('SIGTERM');
  await new Promise((resolve) => demo.once('exit', resolve));
  rmSync(data, { recursive: true, force: true });
}
