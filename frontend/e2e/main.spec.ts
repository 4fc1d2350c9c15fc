import { ask, expect, test } from './page';

const originals = [
  'Normal traffic',
  'Rate attack',
  'Distributed attack',
  'Brute force',
  'Honeypot',
  'Combined attack',
  'Blind payments',
] as const;

test('an attack that is launched in the browser is stopped, and its alert arrives on an open dashboard', async ({
  page,
  context,
}) => {
  const dashboard = await context.newPage();
  await dashboard.goto('/');
  await expect(dashboard.getByText('Live', { exact: true })).toBeVisible();

  await page.goto('/simulator');
  await page
    .getByRole('navigation', { name: 'Scenarios' })
    .getByRole('button', { name: /^Rate attack/ })
    .click();
  const address =
    (await page
      .locator('main')
      .getByText(/^198\.1[89]\.\d+\.\d+$/)
      .first()
      .textContent()) ?? '';
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(page.getByText('4 of 4 came true')).toBeVisible();
  await expect(
    dashboard
      .getByRole('list', { name: 'Newest alerts' })
      .getByRole('listitem')
      .filter({ hasText: address })
      .first(),
  ).toContainText('High');
});

const newer = [
  'Code in a request',
  'Ids one after the other',
  'Stolen bait',
  'A guess that worked',
  'A stolen session',
  'Looking for doors',
  'Odd names',
  'Lost links',
  'Beside the bait',
  'A forgotten password',
  'From home to the road',
  'A program of last year',
];

for (const title of [...originals, ...newer]) {
  test(`${title} in the browser keeps every promise`, async ({ page }) => {
    await page.goto('/simulator');
    await page
      .getByRole('navigation', { name: 'Scenarios' })
      .getByRole('button', { name: new RegExp(`^${title}`) })
      .click();
    if (title === 'Normal traffic')
      await page.getByRole('switch', { name: 'Shorten the pauses' }).click({ force: true });
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    const [, kept, of] =
      /(\d+) of (\d+) came true/.exec(
        (await page.getByText(/\d+ of \d+ came true/).textContent({ timeout: 100_000 })) ?? '',
      ) ?? [];
    const broken = await page.locator('li[data-kept="false"]').allTextContents();
    expect(broken).toEqual([]);
    expect(Number(of)).toBeGreaterThan(0);
    expect(kept).toBe(of);
  });
}

test('a refused client quotes its reference, and the operator finds the receipt and lifts the block', async ({
  page,
}) => {
  const client = '198.19.200.7';
  expect(await ask(page, client, '/api/admin/users')).toBe(403);
  const refusal = await page.request.get('/api/balance', {
    headers: { 'X-Simulated-IP': client, 'X-API-Key': 'user_key' },
    failOnStatusCode: false,
  });
  const { reference } = (await refusal.json()) as { reference: string };

  await page.goto('/');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await page.keyboard.press('/');
  await page.getByRole('combobox', { name: 'Search' }).fill(reference);
  await page
    .getByRole('option', { name: new RegExp(client.replaceAll('.', '\\.')) })
    .first()
    .click();
  await expect(page.getByText(reference).first()).toBeVisible();
  await page.getByRole('button', { name: /^Lift/ }).last().click();
  await page.getByRole('dialog').last().getByRole('button', { name: /^Lift/ }).click();
  await expect.poll(() => ask(page, client, '/api/balance')).toBe(200);
});

test('the playground answers a question', async ({ page }) => {
  await page.goto('/playground');
  await expect(async () => {
    await page.getByRole('button', { name: /execute query/i }).click();
    await expect(page.locator('.result-window')).toContainText('requestsPerSecond', { timeout: 5_000 });
  }).toPass();
});
