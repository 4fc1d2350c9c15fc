import { act, fireEvent, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, test, vi } from 'vitest';
import { Link } from 'wouter';
import { refusal, show } from '../../testing/show';
import { Leaving } from '../../ui/Leaving';
import { fresh, RuleEditor } from './RuleEditor';

const at = new Date().toISOString();
const version = (number: number, more: object = {}) => ({
  number,
  change: 'SAVED',
  mode: 'SHADOW',
  definition: `id: mine\ncount: ${number}\n`,
  by: 'ada',
  at,
  ...more,
});
const history = (...versions: object[]) => ({
  ruleVersions: { totalCount: versions.length, edges: versions.map((node) => ({ node })) },
});
const sound = (more: object = {}) => ({
  checkRule: {
    rule: 'mine',
    explanation: 'It looks for X.',
    mode: 'SHADOW',
    mistakes: [],
    scenarios: [],
    ...more,
  },
});
const saved = (number: number) => ({
  saveRule: { id: 'mine', title: 'Mine', mode: 'SHADOW', saved: { number, by: 'demo admin', at } },
});
const field = () => screen.findByRole('textbox', { name: 'Definition' });
const write = async (text: string) => fireEvent.change(await field(), { target: { value: text } });

describe('the editor of a rule', () => {
  test('tells mistakes beside their lines and keeps what is wrong from being saved', async () => {
    show(<RuleEditor rule={fresh} />, {
      RuleChecked: {
        checkRule: {
          rule: null,
          explanation: null,
          mode: null,
          scenarios: [],
          mistakes: [{ field: 'when.where', line: 2, problem: 'is wrong at 1:1: hoor is nothing' }],
        },
      },
    });
    await write('id: x\nwhere: hoor\n');
    const mistakes = within(await screen.findByRole('list', { name: 'Mistakes' }));
    expect((await mistakes.findByText('when.where')).parentElement?.textContent).toBe(
      'when.where is wrong at 1:1: hoor is nothing',
    );
    expect((await field()).getAttribute('aria-invalid')).toBe('true');
    await userEvent.click(mistakes.getByRole('button', { name: 'Line 2' }));
    const text = (await field()) as HTMLTextAreaElement;
    expect(text.value.slice(text.selectionStart, text.selectionEnd)).toBe('where: hoor');
    expect(screen.getByRole('button', { name: 'Save' })).toHaveProperty('disabled', true);
    expect(screen.getByText('It has mistakes.')).toBeTruthy();
  });

  test('saves a new rule, says what it finds, and goes to its page', async () => {
    const page = show(
      <RuleEditor rule={fresh} />,
      {
        RuleChecked: sound({
          scenarios: [
            { name: 'shows', requests: 4, firedAt: 3, problem: null },
            {
              name: 'nearly',
              requests: 2,
              firedAt: 1,
              problem: 'the rule fired at request 1 of honest traffic',
            },
          ],
        }),
        RuleSave: saved(1),
      },
      { at: `/rules/${fresh}` },
    );
    await write('id: mine\n');
    expect(await screen.findByText('It looks for X.')).toBeTruthy();
    expect(screen.getByText('fired at request 3 of 4')).toBeTruthy();
    expect(screen.getByText('the rule fired at request 1 of honest traffic')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Save' }));
    expect(page.asked('RuleSave')).toEqual([{ definition: 'id: mine\n', expectedVersion: 0 }]);
    expect(page.location()).toBe('/rules/mine');
  });

  test('asks before a rule enforces', async () => {
    const page = show(<RuleEditor rule="mine" />, {
      RuleHistory: history(version(1)),
      RuleChecked: sound({ mode: 'ENFORCE' }),
      RuleSave: saved(2),
    });
    await write('id: mine\nmode: enforce\n');
    await screen.findByText('It can be saved.');
    await userEvent.click(screen.getByRole('button', { name: 'Save' }));
    expect(page.asked('RuleSave')).toEqual([]);
    const dialog = within(await screen.findByRole('dialog', { name: 'Save mine, enforcing?' }));
    await userEvent.click(dialog.getByRole('button', { name: 'Save and enforce' }));
    expect(page.asked('RuleSave')).toEqual([{ definition: 'id: mine\nmode: enforce\n', expectedVersion: 1 }]);
  });

  test('tells of another who was quicker, and lets one choose', async () => {
    let versions = [version(1)];
    const page = show(<RuleEditor rule="mine" />, {
      RuleHistory: () => history(...versions),
      RuleChecked: sound(),
      RuleSave: () => {
        versions = [version(2, { by: 'bob' }), version(1)];
        throw refusal('INVALID', 'input.expectedVersion is 1, and bob saved version 2 on Monday: look', {
          field: 'input.expectedVersion',
        });
      },
    });
    await write('id: mine\ncount: 9\n');
    await screen.findByText('It can be saved.');
    await userEvent.click(screen.getByRole('button', { name: 'Save' }));
    const told = within(await screen.findByRole('alert'));
    expect(told.getByText('Bob saved version 2 on Monday: look.')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Save' })).toHaveProperty('disabled', true);
    await userEvent.click(await told.findByRole('button', { name: 'Keep mine, to save over it' }));
    await userEvent.click(screen.getByRole('button', { name: 'Save' }));
    expect(page.asked('RuleSave').at(-1)).toEqual({ definition: 'id: mine\ncount: 9\n', expectedVersion: 2 });
  });

  test('takes up a newer version while nothing was written', async () => {
    let versions = [version(1)];
    const page = show(<RuleEditor rule="mine" />, {
      RuleHistory: () => history(...versions),
      RuleChecked: sound(),
      RuleDelete: () => {
        versions = [version(2, { by: 'bob' }), version(1)];
        throw refusal('INVALID', 'expectedVersion is 1, and bob saved version 2: look', {
          field: 'expectedVersion',
        });
      },
    });
    await userEvent.click(await screen.findByRole('button', { name: 'Delete' }));
    await userEvent.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Delete' }));
    expect((await screen.findByRole('alert')).textContent).toBe('Bob saved version 2: look.');
    expect(((await field()) as HTMLTextAreaElement).value).toBe('id: mine\ncount: 2\n');
    expect(page.asked('RuleDelete')).toEqual([{ rule: 'mine', expectedVersion: 1 }]);
  });

  test('puts an older version back, and brings back what was deleted', async () => {
    const page = show(<RuleEditor rule="mine" />, {
      RuleHistory: history(
        version(3, { change: 'DELETED', definition: '', by: 'bob' }),
        version(2),
        version(1),
      ),
      RuleChecked: sound(),
      RuleSave: saved(4),
    });
    expect(await screen.findByText('Deleted by bob. Saving a version brings it back.')).toBeTruthy();
    expect(((await field()) as HTMLTextAreaElement).value).toBe('id: mine\ncount: 2\n');
    await userEvent.click(screen.getByRole('button', { name: 'Put back version 1' }));
    await screen.findByText('It can be saved.');
    await userEvent.click(screen.getByRole('button', { name: 'Bring back' }));
    expect(page.asked('RuleSave')).toEqual([{ definition: 'id: mine\ncount: 1\n', expectedVersion: 3 }]);
  });

  test('deletes a rule after asking', async () => {
    const page = show(
      <RuleEditor rule="mine" />,
      {
        RuleHistory: history(version(2), version(1)),
        RuleChecked: sound(),
        RuleDelete: { deleteRule: 'mine' },
      },
      { at: '/rules/mine' },
    );
    await userEvent.click(await screen.findByRole('button', { name: 'Delete' }));
    const dialog = within(await screen.findByRole('dialog', { name: 'Delete mine?' }));
    await userEvent.click(dialog.getByRole('button', { name: 'Delete' }));
    expect(page.asked('RuleDelete')).toEqual([{ rule: 'mine', expectedVersion: 2 }]);
    expect(page.location()).toBe('/rules');
  });

  test('asks before what is not saved is left, and lets go of what is', async () => {
    const page = show(
      <Leaving>
        <Link href="/alerts">Alerts</Link>
        <RuleEditor rule="mine" />
      </Leaving>,
      { RuleHistory: history(version(1)), RuleChecked: sound() },
      { at: '/rules/mine' },
    );
    const closing = () => !window.dispatchEvent(new Event('beforeunload', { cancelable: true }));
    await write('id: mine\ncount: 9\n');
    expect(closing()).toBe(true);
    await userEvent.click(screen.getByRole('link', { name: 'Alerts' }));
    const asked = () => screen.findByRole('dialog', { name: 'Leave without saving?' });
    expect(within(await asked()).getByText(/What you changed in the rule mine is not saved/)).toBeTruthy();
    await userEvent.click(within(await asked()).getByRole('button', { name: 'Cancel' }));
    expect(page.location()).toBe('/rules/mine');
    expect(await field()).toHaveProperty('value', 'id: mine\ncount: 9\n');
    await userEvent.click(screen.getByRole('button', { name: 'Undo changes' }));
    expect(closing()).toBe(false);
    await write('id: mine\ncount: 8\n');
    await userEvent.click(screen.getByRole('button', { name: 'All rules' }));
    await userEvent.click(within(await asked()).getByRole('button', { name: 'Leave' }));
    expect(page.location()).toBe('/rules');
    expect(page.asked('RuleSave')).toEqual([]);
  });

  test('lets who has saved or deleted go where that leads', async () => {
    const page = show(
      <Leaving>
        <RuleEditor rule={fresh} />
      </Leaving>,
      { RuleChecked: sound(), RuleSave: saved(1) },
      { at: `/rules/${fresh}` },
    );
    await write('id: mine\n');
    await screen.findByText('It can be saved.');
    await userEvent.click(screen.getByRole('button', { name: 'Save' }));
    expect(page.location()).toBe('/rules/mine');
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  test('stays where it is when the browser goes back, until that is decided', async () => {
    show(
      <Leaving>
        <RuleEditor rule="mine" />
      </Leaving>,
      { RuleHistory: history(version(1)), RuleChecked: sound() },
    );
    await write('id: mine\ncount: 9\n');
    const put = vi.spyOn(window.history, 'pushState').mockReturnValue();
    act(() => void window.dispatchEvent(new PopStateEvent('popstate')));
    expect(put).toHaveBeenCalledWith(window.history.state, '', location.href);
    put.mockRestore();
    expect(await screen.findByRole('dialog', { name: 'Leave without saving?' })).toBeTruthy();
  });

  test('tries the text on stored traffic', async () => {
    const page = show(<RuleEditor rule="mine" />, {
      RuleHistory: history(version(1)),
      RuleChecked: sound(),
      RuleTried: {
        backtest: {
          cut: null,
          played: 1200,
          untold: [],
          figures: { findings: 4, hit: 2, clients: 2, keys: 0, accounts: 0, refused: 31, wellAnswered: 5 },
          hits: [
            {
              target: { label: '203.0.113.9' },
              findings: 3,
              acts: true,
              reason: '',
              refused: 31,
              wellAnswered: 5,
            },
          ],
        },
      },
    });
    await screen.findByText('It is saved.');
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Stored traffic of' }), '7d');
    await userEvent.click(screen.getByRole('button', { name: 'Run' }));
    const tried = within(screen.getByRole('region', { name: 'Backtest' }));
    expect(await tried.findByText('203.0.113.9')).toBeTruthy();
    expect(tried.getByText('1,200')).toBeTruthy();
    expect(page.asked('RuleTried')).toEqual([{ definition: 'id: mine\ncount: 1\n', window: '7d' }]);
  });

  test('shows viewers the text and its versions, and nothing to do', async () => {
    const page = show(
      <RuleEditor rule="mine" />,
      { RuleHistory: history(version(2), version(1)) },
      { operator: { name: 'vera', role: 'VIEWER', demo: false } },
    );
    expect(await field()).toHaveProperty('readOnly', true);
    expect(screen.queryByRole('button', { name: 'Save' })).toBeNull();
    expect(screen.queryByRole('button', { name: 'Delete' })).toBeNull();
    await userEvent.click(screen.getByRole('button', { name: 'Show version 1' }));
    expect(((await field()) as HTMLTextAreaElement).value).toBe('id: mine\ncount: 1\n');
    expect(page.asked('RuleChecked')).toEqual([]);
  });

  test('says so when there is no such rule', async () => {
    show(<RuleEditor rule="honeypot" />, { RuleHistory: history() });
    expect(await screen.findByText('There is no rule honeypot in the console')).toBeTruthy();
  });
});
