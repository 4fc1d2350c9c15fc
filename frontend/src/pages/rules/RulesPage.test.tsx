import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, test } from 'vitest';
import { show } from '../../testing/show';
import { RulesPage } from './RulesPage';

const rule = (id: string, more: object = {}) => ({
  id,
  title: `Title of ${id}`,
  version: 1,
  pack: 'core',
  origin: 'BUILT_IN',
  severity: 'HIGH',
  mode: 'ENFORCE',
  usualMode: 'ENFORCE',
  modeSet: null,
  saved: null,
  failed: null,
  explanation: 'More than 100 requests of one client within 60 s.',
  wouldHave: { requests: 0, findings: 0 },
  ...more,
});
const health = (more: object = {}) => ({
  mode: 'ENFORCE',
  notEnforcing: null,
  startedAt: new Date(Date.now() - 3_600_000).toISOString(),
  demo: false,
  ...more,
});
const viewer = { name: 'vera', role: 'VIEWER' as const, demo: false };
const rules = (list: object[], more: object = {}, answers: object = {}, operator?: typeof viewer) =>
  show(
    <RulesPage />,
    { RulesPage: { rules: list, health: health(more), deletedRules: [] }, ...answers },
    { at: '/rules', ...(operator && { operator }) },
  );
const card = async (id: string) => {
  const heading = await screen.findByRole('heading', { name: `Title of ${id}` });
  return within(heading.closest('li') as HTMLElement);
};

describe('the rules', () => {
  test('show bones while they wait, and offer another try when there is no answer', async () => {
    const waiting = show(<RulesPage />);
    expect(screen.getByRole('status', { name: 'Loading' })).toBeTruthy();
    waiting.unmount();
    let away = true;
    show(<RulesPage />, {
      RulesPage: () => {
        if (away) throw new Error('the database is away');
        return { rules: [rule('a')], health: health(), deletedRules: [] };
      },
    });
    await screen.findByText('The database is away');
    away = false;
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByRole('heading', { name: 'Title of a' })).toBeTruthy();
  });

  test('tell in words what is looked for, how grave it is, and whether it is acted on', async () => {
    rules([rule('a'), rule('b', { mode: 'SHADOW' }), rule('c', { mode: 'OFF', severity: 'CRITICAL' })]);
    const a = await card('a');
    expect(a.getByText('More than 100 requests of one client within 60 s.')).toBeTruthy();
    expect(a.getByText('Enforce', { selector: 'span' })).toBeTruthy();
    expect(a.getByText('Acts on what it finds. See Alerts.')).toBeTruthy();
    expect((await card('b')).getByText('Would have refused nothing so far.')).toBeTruthy();
    expect((await card('c')).getByText('Switched off: it looks for nothing.')).toBeTruthy();
    expect((await card('c')).getByText('Critical')).toBeTruthy();
  });

  test('count what they would have done', async () => {
    rules([
      rule('a', { mode: 'SHADOW', wouldHave: { requests: 1204, findings: 12 } }),
      rule('b', { mode: 'SHADOW', wouldHave: { requests: 1, findings: 1 } }),
    ]);
    const a = await card('a');
    expect(a.getByText('1,204').parentElement?.textContent).toBe('1,204requests would have been refused');
    expect(a.getByText('Would have acted 12 times')).toBeTruthy();
    const b = await card('b');
    expect(b.getByText('request would have been refused')).toBeTruthy();
    expect(b.getByText('Would have acted once')).toBeTruthy();
  });

  test('say that none refuses anybody while the gateway observes', async () => {
    rules([rule('a')], { mode: 'OBSERVE' });
    expect(await screen.findByText(/The gateway observes, so no rule refuses anybody/)).toBeTruthy();
    expect((await card('a')).getByText('Would have refused nothing so far.')).toBeTruthy();
  });

  test('say what modes mean and where they are set for good, with lines to copy', async () => {
    rules([rule('rate-abuse')]);
    const how = within(await screen.findByRole('region', { name: 'Modes' }));
    expect(how.getByText(/rate-abuse: \{mode: shadow\}/)).toBeTruthy();
    expect(how.getByText('SIGHUP')).toBeTruthy();
    expect(how.getByRole('button', { name: 'Copy lines for the configuration file' })).toBeTruthy();
  });

  test('say where they come from, and why one is not in force', async () => {
    rules([
      rule('a'),
      rule('mine', {
        origin: 'CONSOLE',
        pack: 'console',
        saved: { number: 3, by: 'ada', at: new Date().toISOString() },
        failed: 'since is no field that there is',
      }),
    ]);
    expect((await card('a')).getByText('built in')).toBeTruthy();
    const mine = await card('mine');
    expect(mine.getByText('Not in force. since is no field that there is')).toBeTruthy();
    expect(mine.queryByRole('combobox')).toBeNull();
    expect(mine.getByRole('link', { name: 'Edit Title of mine' }).getAttribute('href')).toBe('/rules/mine');
    expect(screen.getByText('1 rule: 1 not in force.')).toBeTruthy();
  });

  test('get another mode after a look at what that would have done', async () => {
    const figures = { findings: 3, hit: 1, clients: 1, keys: 0, accounts: 0, refused: 0, wellAnswered: 0 };
    const page = rules(
      [rule('a', { mode: 'SHADOW' })],
      {},
      {
        RuleImpact: {
          impact: {
            before: figures,
            after: { ...figures, refused: 1204, wellAnswered: 7 },
            newlyHit: [
              {
                target: { label: '203.0.113.9' },
                findings: 3,
                acts: true,
                reason: '',
                refused: 1204,
                wellAnswered: 7,
              },
            ],
            moreNewlyHit: 0,
            played: { cut: null, played: 5000 },
          },
        },
        RuleSetMode: () => ({ setRuleMode: rule('a') }),
      },
    );
    await userEvent.selectOptions(
      (await card('a')).getByRole('combobox', { name: 'Mode of Title of a' }),
      'ENFORCE',
    );
    const dialog = within(await screen.findByRole('dialog', { name: 'Enforce: Title of a?' }));
    expect((await dialog.findByText('1,204 requests')).parentElement?.textContent).toBe(
      'Over the last 24 hours, 5,000 exchanges: it would have refused 1,204 requests (the API had answered 7 of them well) instead of 0.',
    );
    expect(dialog.getByText('203.0.113.9')).toBeTruthy();
    expect(page.asked('RuleSetMode')).toEqual([]);
    await userEvent.click(dialog.getByRole('button', { name: 'Enforce' }));
    expect(page.asked('RuleSetMode')).toEqual([{ rule: 'a', mode: 'ENFORCE' }]);
  });

  test('go back to the mode of their pack', async () => {
    const page = rules(
      [rule('a', { mode: 'OFF', modeSet: { by: 'ada', at: new Date().toISOString() } })],
      {},
      { RuleSetMode: () => ({ setRuleMode: rule('a') }) },
    );
    const a = await card('a');
    expect(a.getByText(/Set by ada/)).toBeTruthy();
    await userEvent.click(a.getByRole('button', { name: 'Take back the mode of Title of a' }));
    const dialog = within(await screen.findByRole('dialog'));
    expect(dialog.getByText(/what its pack and the settings say/)).toBeTruthy();
    await userEvent.click(dialog.getByRole('button', { name: 'Enforce' }));
    expect(page.asked('RuleSetMode')).toEqual([{ rule: 'a', mode: null }]);
  });

  test('are only looked at by viewers', async () => {
    rules([rule('mine', { origin: 'CONSOLE' })], {}, {}, viewer);
    const mine = await card('mine');
    expect(mine.queryByRole('combobox')).toBeNull();
    expect(mine.getByRole('link', { name: 'Open Title of mine' })).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'New rule' })).toBeNull();
  });

  test('that were deleted can be opened', async () => {
    show(<RulesPage />, {
      RulesPage: {
        rules: [rule('a')],
        health: health(),
        deletedRules: [{ rule: 'gone', number: 4, by: 'bob', at: new Date().toISOString() }],
      },
    });
    const gone = within(await screen.findByRole('region', { name: 'Deleted rules' }));
    expect(gone.getByRole('link', { name: 'gone' }).getAttribute('href')).toBe('/rules/gone');
  });

  test('stand by pack, with how each pack stands', async () => {
    rules([
      rule('mine', { pack: 'shop', mode: 'SHADOW', wouldHave: { requests: 4, findings: 1 } }),
      rule('a'),
      rule('b', { mode: 'OFF' }),
    ]);
    const core = within(await screen.findByRole('region', { name: 'core' }));
    expect(core.getByText('2 rules: 1 enforces, 1 off.')).toBeTruthy();
    expect(core.getAllByRole('listitem')).toHaveLength(2);
    const shop = within(screen.getByRole('region', { name: 'shop' }));
    expect(
      shop.getByText('1 rule: 1 in shadow. Would have acted 1 time and refused 4 requests.'),
    ).toBeTruthy();
  });

  test('are found by words, by mode and by pack', async () => {
    rules([rule('a'), rule('b', { mode: 'SHADOW' }), rule('c', { pack: 'shop', explanation: 'Carts' })]);
    const titles = () => screen.getAllByRole('heading', { level: 3 }).map((h) => h.textContent);
    await userEvent.type(await screen.findByRole('searchbox', { name: 'Search in rules' }), 'CART title');
    expect(titles()).toEqual(['Title of c']);
    await userEvent.click(screen.getByRole('button', { name: 'Clear the search' }));
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Pack' }), 'core');
    expect(titles()).toEqual(['Title of a', 'Title of b']);
    await userEvent.click(screen.getByRole('radio', { name: 'Shadow' }));
    expect(titles()).toEqual(['Title of b']);
    await userEvent.click(screen.getByRole('radio', { name: 'Off' }));
    await userEvent.click(await screen.findByRole('button', { name: 'Show all 3' }));
    expect(titles()).toHaveLength(3);
  });
});
