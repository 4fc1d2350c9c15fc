import { ask, expect, objections, test } from './page';

const definition = `id: balances-asked
title: Balances asked for
explains: One client asks for its balance three times.
when: {method: GET, route: /api/balance, status: 200}
count: 2
within: 10m
severity: LOW
do: block
for: 1h
`;

test('a rule that is written in the browser refuses the next who trips it, and is taken back', async ({
  page,
}) => {
  await page.goto('/rules');
  await page.getByRole('button', { name: 'New rule' }).click();
  const text = page.getByRole('textbox', { name: 'Definition' });
  await text.fill(definition.replace('GET', 'get'));
  await expect(page.getByRole('button', { name: 'Line 4' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Save' })).toBeDisabled();
  for (const theme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    expect(await objections(page)).toEqual([]);
  }
  await text.fill(definition);
  await expect(page.getByText('more than 2 such exchanges from one client')).toBeVisible();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Save and enforce' }).click();
  await expect(page).toHaveURL(/\/rules\/balances-asked$/);
  for (let i = 0; i < 3; i++) expect(await ask(page, '198.18.90.1', '/api/balance')).toBe(200);
  expect(await ask(page, '198.18.90.1', '/api/balance')).toBe(403);

  await page.getByRole('button', { name: 'All rules' }).click();
  await page.getByRole('combobox', { name: 'Mode of Balances asked for' }).selectOption('SHADOW');
  const dialog = page.getByRole('dialog', { name: 'Put in shadow: Balances asked for?' });
  await expect(dialog.getByText(/Over the last 24 hours/)).toBeVisible();
  expect(await objections(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Put in shadow' }).click();
  await expect(dialog).toBeHidden();
  for (let i = 0; i < 4; i++) expect(await ask(page, '198.18.90.2', '/api/balance')).toBe(200);

  await page.getByRole('link', { name: 'Edit Balances asked for' }).click();
  await expect(page.getByRole('region', { name: 'Versions' }).getByRole('listitem')).toHaveCount(2);
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  const deleted = page.getByRole('region', { name: 'Deleted rules' });
  await deleted.getByRole('link', { name: 'balances-asked' }).click();
  await expect(text).toHaveValue(/mode: shadow/);
});

test('what is written in the editor of rules is not left by accident', async ({ page }) => {
  await page.goto('/rules');
  await page.getByRole('button', { name: 'New rule' }).click();
  const text = page.getByRole('textbox', { name: 'Definition' });
  await text.fill(definition);
  const dialog = page.getByRole('dialog', { name: 'Leave without saving?' });
  await page.getByRole('link', { name: 'Alerts' }).first().click();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.goBack();
  await expect(dialog).toBeVisible();
  expect(await objections(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(page).toHaveURL(/\/rules\/_new$/);
  await expect(text).toHaveValue(definition);
  await page.goBack();
  await dialog.getByRole('button', { name: 'Leave' }).click();
  await expect(page).toHaveURL(/\/rules$/);
  await expect(text).toBeHidden();
});

test('the editor of rules fits a phone of 360 px and is used with the keyboard', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto('/rules/_new');
  const text = page.getByRole('textbox', { name: 'Definition' });
  await text.focus();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('# ours\n');
  await expect(text).toHaveValue(/^# ours\nid: my-rule/);
  await expect(page.getByText('It can be saved.')).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Save' })).toBeFocused();
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(over).toBeLessThanOrEqual(0);
});
