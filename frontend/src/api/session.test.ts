import { afterEach, describe, expect, test, vi } from 'vitest';
import { Session } from './session';

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
const ada = { id: 'op_1', name: 'ada', role: 'ADMIN', demo: false };

type Answer = () => Response | Promise<Response>;

/** A console that answers each call, named by method and path, and remembers what it was sent. */
function server(answers: Record<string, Answer>) {
  const sent: { call: string; body: unknown }[] = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    const call = `${init.method} ${path}`;
    sent.push({ call, body: init.body ? JSON.parse(String(init.body)) : undefined });
    const answer = answers[call];
    if (!answer) throw new TypeError('Failed to fetch');
    return answer();
  });
  return { sent, calls: () => sent.map((s) => s.call) };
}

afterEach(() => vi.unstubAllGlobals());

describe('the session', () => {
  test('is that of whom the server names', async () => {
    server({ 'GET /session': () => json(200, ada) });
    const session = new Session();
    expect(await session.ask()).toBe(true);
    expect(session.state).toEqual({ state: 'in', operator: { name: 'ada', role: 'ADMIN', demo: false } });
  });

  test('is nobody’s when the server says so, and then it tells whether there is an admin at all', async () => {
    server({ 'GET /session': () => json(401, { error: 'sign in first', setup: true }) });
    const session = new Session();
    expect(await session.ask()).toBe(false);
    expect(session.state).toEqual({ state: 'out', why: undefined, setup: true });
  });

  test('is not known while the server is away, and asking again finds out', async () => {
    const answers: Record<string, Answer> = {};
    server(answers);
    const session = new Session();
    await session.ask();
    expect(session.state).toEqual({ state: 'asking', away: true });
    answers['GET /session'] = () => json(200, ada);
    await session.ask();
    expect(session.state.state).toBe('in');
  });

  test('does not end because the server is away or broken', async () => {
    const answers: Record<string, Answer> = { 'GET /session': () => json(200, ada) };
    server(answers);
    const session = new Session();
    await session.ask();
    answers['GET /session'] = () => json(503, { error: 'the database is away' });
    expect(await session.ask()).toBe(true);
    delete answers['GET /session'];
    expect(await session.ask()).toBe(true);
  });

  test('asks once for all who ask at the same time', async () => {
    const { calls } = server({ 'GET /session': () => json(200, ada) });
    const session = new Session();
    await Promise.all([session.ask(), session.ask(), session.ask()]);
    expect(calls()).toEqual(['GET /session']);
  });

  test('begins with a name and a password, and says who it is', async () => {
    const { sent } = server({ 'POST /session': () => json(200, ada), 'GET /session': () => json(200, ada) });
    const session = new Session();
    expect(await session.signIn('ada', 'winter lamp seven boats')).toBeUndefined();
    expect(sent[0]?.body).toEqual({ name: 'ada', password: 'winter lamp seven boats' });
    expect(session.state.state).toBe('in');
  });

  test('is refused with the reason, and with how long to wait', async () => {
    const answers = {
      'POST /session': () => json(429, { error: 'there were too many attempts' }, { 'retry-after': '24' }),
    };
    server(answers);
    expect(await new Session().signIn('ada', 'x')).toMatchObject({ status: 429, wait: 24 });
    const at = new Date(Date.now() + 60_000).toUTCString();
    answers['POST /session'] = () => json(429, {}, { 'retry-after': at });
    const { wait } = (await new Session().signIn('ada', 'x')) ?? {};
    expect(wait).toBeGreaterThan(57);
    expect(wait).toBeLessThanOrEqual(60);
  });

  test('names the field that a refusal is about, and never quotes an error of the server', async () => {
    const answers = {
      'POST /setup': () => json(400, { error: 'password must have at least 12 characters' }),
    };
    server(answers);
    expect(await new Session().setUp('t', 'ada', 'x')).toMatchObject({ field: 'password' });
    answers['POST /setup'] = () => json(500, { error: 'pq: relation does not exist' });
    expect(await new Session().setUp('t', 'ada', 'x')).toMatchObject({
      problem: 'The server did not answer.',
    });
  });

  test('ends when the operator goes', async () => {
    server({ 'GET /session': () => json(200, ada), 'DELETE /session': () => json(200, {}) });
    const session = new Session();
    await session.ask();
    expect(await session.signOut()).toBeUndefined();
    expect(session.state).toMatchObject({ state: 'out', why: 'left' });
  });

  test('stays when going was refused', async () => {
    server({ 'GET /session': () => json(200, ada), 'DELETE /session': () => json(503, { error: 'away' }) });
    const session = new Session();
    await session.ask();
    expect(await session.signOut()).toMatchObject({ status: 503 });
    expect(session.state.state).toBe('in');
  });

  test('ended by the server says so, and a better reason that comes later is believed', async () => {
    server({ 'GET /session': () => json(200, ada) });
    const session = new Session();
    await session.ask();
    session.end();
    expect(session.state).toMatchObject({ state: 'out', why: 'ended' });
    session.end('chosen');
    expect(session.state).toMatchObject({ state: 'out', why: 'chosen' });
    session.end();
    expect(session.state).toMatchObject({ state: 'out', why: 'chosen' });
  });

  test('does not believe an answer from before somebody went', async () => {
    let late: (r: Response) => void = () => {};
    const answers: Record<string, Answer> = { 'GET /session': () => json(200, ada) };
    server(answers);
    const session = new Session();
    await session.ask();
    answers['GET /session'] = () =>
      new Promise<Response>((resolve) => {
        late = resolve;
      });
    const asked = session.ask();
    session.end();
    late(json(200, ada));
    expect(await asked).toBe(false);
    expect(session.state.state).toBe('out');
  });
});

describe('a ticket for the socket', () => {
  test('is a new one each time', async () => {
    let n = 0;
    server({
      'GET /session': () => json(200, ada),
      'POST /session/ticket': () => json(200, { ticket: `t${++n}`, expires_in: 30 }),
    });
    const session = new Session();
    await session.ask();
    expect([await session.ticket(), await session.ticket()]).toEqual(['t1', 't2']);
  });

  test('is not asked for in the demo', async () => {
    const { calls } = server({ 'GET /session': () => json(200, { ...ada, demo: true }) });
    const session = new Session();
    await session.ask();
    expect(await session.ticket()).toBeUndefined();
    expect(calls()).toEqual(['GET /session']);
  });

  test('that is denied ends the session; one that does not come changes nothing', async () => {
    const answers: Record<string, Answer> = { 'GET /session': () => json(200, ada) };
    server(answers);
    const session = new Session();
    await session.ask();
    expect(await session.ticket()).toBeUndefined();
    expect(session.state.state).toBe('in');
    answers['POST /session/ticket'] = () => json(401, { error: 'sign in first' });
    expect(await session.ticket()).toBeUndefined();
    expect(session.state).toMatchObject({ state: 'out', why: 'ended' });
  });
});
