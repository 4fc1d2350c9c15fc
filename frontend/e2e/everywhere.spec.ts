import { ask, expect, objections, pages, test } from './page';

for (const busy of [false, true]) {
  for (const theme of ['dark', 'light'] as const) {
    for (const path of pages) {
      test(`${path} is accessible when ${busy ? 'busy' : 'empty'}, ${theme}`, async ({ page }) => {
        if (busy && path === '/') {
          for (let i = 0; i < 8; i++) await ask(page, `198.18.77.${i}`, '/api/admin/users');
          for (let i = 0; i < 103; i++) await ask(page, '198.18.78.1', '/api/balance');
        }
        await page.emulateMedia({ colorScheme: theme });
        await page.goto(path);
        await expect(page.getByRole('heading', { level: 1 }).first()).toBeVisible();
        await page.waitForLoadState('networkidle').catch(() => undefined);
        if (path !== '/playground') expect(await objections(page)).toEqual([]);
      });
    }
  }
}

for (const path of pages) {
  test(`${path} fits a phone of 360 px`, async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1 }).first()).toBeVisible();
    const over = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(over).toBeLessThanOrEqual(0);
  });
}
