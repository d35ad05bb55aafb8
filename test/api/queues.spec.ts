import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { Refusal } from '../../src/kernel/problems.js';
import { Queues } from '../../src/outbox/queues.service.js';
import { eventually } from '../support/lab.js';
import { linesOf } from '../support/line.js';
import { codesOf, openPeople, type People, type Session } from '../support/people.js';

let people: People;
let admin: Session;
let line: ReturnType<typeof linesOf>;
beforeAll(async () => {
  people = await openPeople();
  admin = await people.person({ role: 'admin' });
  line = linesOf(people.rows);
});
afterAll(() => people.close());
afterEach(async () => {
  await people.rows('TRUNCATE outbox, handled_jobs, queue_states');
  await line.empty();
});

const as = (session: Session | undefined, method: string, path = '', body?: object) =>
  people.send(method, `/queues${path}`, body, session?.accessToken);
const act = async (name: string, what: string) => {
  const { status, json } = await as(admin, 'POST', `/${name}/${what}`);
  expect(status).toBe(200);
  return json;
};
const queue = async (name: string) => {
  const { json } = await as(admin, 'GET');
  return (json.items as Record<string, unknown>[]).find((one) => one.name === name);
};
const health = async () => (await people.ask('/health')).json.details as { queues: Record<string, Record<string, unknown>> };
const acts = ['pause', 'resume', 'retry-failed'];
const noted = () =>
  people.rows('SELECT action, facts FROM audit_log WHERE actor_id = $1 AND action LIKE $2 ORDER BY id', [admin.user.id, 'queue_%']);

const row = (state: string, dueInSeconds = 0, job = 'auth.verify-email') =>
  people.rows(
    `INSERT INTO outbox (id, queue, job, payload, state, run_at, rank_at, failures, lease_until)
     VALUES ($1, 'mail', $4, '{}', $2, now() + $3 * interval '1 second', now() + $3 * interval '1 second', 1, now() + interval '1 hour')`,
    [newId(), state, dueInSeconds, job],
  );
const ended = (job: string, waitedMs: number | null, secondsAgo = 1) =>
  people.rows(`INSERT INTO handled_jobs (outbox_id, job, handled_at, waited_ms) VALUES ($1, $2, now() - $3 * interval '1 second', $4)`, [
    newId(),
    job,
    secondsAgo,
    waitedMs,
  ]);

describe('the queues are refused', () => {
  it('to who is not an admin', async () => {
    const [donor, organizer] = [await people.person(), await people.person({ role: 'organizer' })];
    const asked: [string, string][] = [['GET', ''], ...acts.map((what): [string, string] => ['POST', `/mail/${what}`])];
    for (const [method, path] of asked) {
      expect(codesOf(await as(undefined, method, path))).toEqual([401, 'unauthenticated']);
      for (const other of [donor, organizer]) expect(codesOf(await as(other, method, path))).toEqual([403, 'forbidden']);
    }
    expect(await people.rows('SELECT FROM queue_states')).toEqual([]);
  });

  it('to a key that is not for it', async () => {
    const { json } = await people.send('POST', '/auth/api-keys', { name: 'reads', scopes: ['read', 'write'] }, admin.accessToken);
    expect(codesOf(await people.send('GET', '/queues', undefined, String(json.key)))).toEqual([403, 'forbidden']);
    expect(codesOf(await people.send('POST', '/queues/mail/pause', undefined, String(json.key)))).toEqual([403, 'forbidden']);
  });

  it.each(['nothing', 'Mail', 'mail%20', '..', 'x'.repeat(3_000)])('under the name %s', async (name) => {
    for (const what of acts) expect(codesOf(await as(admin, 'POST', `/${encodeURIComponent(name)}/${what}`))).toEqual([404, 'not_found']);
    expect(await people.rows('SELECT FROM queue_states')).toEqual([]);
  });

  it('for fields where none are read', async () => {
    for (const what of acts) expect(codesOf(await as(admin, 'POST', `/mail/${what}`, { force: true }))).toEqual([422, 'validation_failed']);
  });
});

describe('a queue', () => {
  it('tells what it holds, and knows no pace where nothing ended', async () => {
    for (const [state, due] of [
      ['queued', -30],
      ['queued', -5],
      ['handed', -1],
      ['queued', 500],
      ['running', -1],
      ['dead', -1],
    ] as const)
      await row(state, due);
    const { oldestSeconds, ...rest } = (await queue('mail')) ?? {};
    expect(rest).toEqual({
      ...{ name: 'mail', paused: false, why: null, waiting: 3, later: 1, running: 1, failed: 1 },
      ...{ perSecond: 0, waitSeconds: { p50: null, p95: null }, etaSeconds: null },
    });
    expect(oldestSeconds).toBeGreaterThanOrEqual(30);
    expect(oldestSeconds).toBeLessThan(90);
    expect(await queue('campaigns')).toMatchObject({ waiting: 0, etaSeconds: 0 });
  });

  it('tells its pace, by what ended in the last minute, and what its jobs had waited', async () => {
    for (let second = 1; second <= 30; second += 1) await ended('auth.verify-email', second * 1_000);
    await ended('auth.verify-email', null);
    await ended('auth.verify-email', 999_000, 61);
    await ended('gone.for.ever', 999_000);
    for (let n = 0; n < 31; n += 1) await row('queued', -1);
    const mail = await queue('mail');
    expect(mail).toMatchObject({ perSecond: 0.517, etaSeconds: 60 });
    expect(mail?.waitSeconds).toEqual({ p50: 15.5, p95: 28.55 });
  });

  it('is paused and resumed once, and each of it is noted', async () => {
    const before = (await noted()).length;
    await row('handed');
    expect(await act('mail', 'pause')).toMatchObject({ name: 'mail', paused: true, why: null, waiting: 1, etaSeconds: null });
    expect(await people.rows('SELECT state FROM outbox')).toEqual([{ state: 'queued' }]);
    await act('mail', 'pause');
    expect(await act('mail', 'resume')).toMatchObject({ paused: false });
    await act('mail', 'resume');
    expect((await noted()).slice(before)).toEqual([
      { action: 'queue_paused', facts: { queue: 'mail' } },
      { action: 'queue_resumed', facts: { queue: 'mail' } },
    ]);
  });

  it('takes its dead letters back, once, and notes how many', async () => {
    const before = (await noted()).length;
    for (const state of ['dead', 'dead', 'running']) await row(state);
    expect(await act('mail', 'retry-failed')).toMatchObject({ name: 'mail', retried: 2, failed: 0, waiting: 2, running: 1 });
    expect(await act('mail', 'retry-failed')).toMatchObject({ retried: 0 });
    expect((await noted()).slice(before)).toEqual([{ action: 'queue_retried', facts: { queue: 'mail', retried: 2 } }]);
  });

  it('of another version is seen while it holds anything', async () => {
    await people.rows(
      `INSERT INTO outbox (id, queue, job, payload, state, rank_at) VALUES ($1, 'older', 'older.job', '{}', 'dead', now())`,
      [newId()],
    );
    expect(await act('older', 'pause')).toMatchObject({ name: 'older', paused: true, failed: 1 });
    await people.rows('TRUNCATE outbox');
    await expect(people.app.get(Queues).pause('older')).rejects.toThrow(Refusal);
  });
});

describe('the line of messages', () => {
  it('counts with the work around it', async () => {
    const states = { queued: 3, taken: 2, later: 4, sending: 1, failed: 5, unknown: 6, sent: 7, delivered: 1, read: 1, suppressed: 1 };
    for (const [state, count] of Object.entries(states)) for (let n = 0; n < count; n += 1) await line.message({ state });
    const broadcast = await line.broadcast('paused');
    await line.message({ state: 'held', broadcast });
    await people.rows(
      `INSERT INTO outbox (id, queue, job, payload, state, run_at, rank_at) VALUES ($1, 'whatsapp', 'x', '{}', 'queued', now() - interval '9 seconds', now())`,
      [newId()],
    );
    expect(await queue('whatsapp')).toMatchObject({ waiting: 6, later: 5, running: 1, failed: 5, unknown: 6 });
    const { queues } = await eventually(health, (details) => details.queues.whatsapp?.waiting === 6);
    expect(queues.whatsapp).toEqual({
      paused: false,
      waiting: 6,
      later: 5,
      running: 1,
      dead: 5,
      unknown: 6,
      oldestSeconds: expect.any(Number) as number,
    });
    expect(queues.mail).not.toHaveProperty('unknown');
  });

  it('tells its pace and waits by what was sent, and its end by the pace that it keeps', async () => {
    for (let second = 1; second <= 30; second += 1) await line.message({ state: 'sent', dueSeconds: -second - 10, sentSeconds: -10 });
    await line.message({ state: 'sent', dueSeconds: -999, sentSeconds: -61 });
    for (let n = 0; n < 5; n += 1) await line.message({ state: 'queued' });
    expect(await queue('whatsapp')).toMatchObject({ perSecond: 0.5, waitSeconds: { p50: 15.5, p95: 28.55 }, etaSeconds: 1 });
  });

  it('is paused by hand and by what an operator has to mend, which resuming forgets', async () => {
    expect(await act('whatsapp', 'pause')).toMatchObject({ paused: true, why: null });
    await people.rows(`UPDATE queue_states SET why = 'The access token is not valid.'`);
    expect(await queue('whatsapp')).toMatchObject({ paused: true, why: 'The access token is not valid.', etaSeconds: null });
    expect(JSON.stringify(await health())).not.toContain('access token');
    expect(await act('whatsapp', 'resume')).toMatchObject({ paused: false, why: null });
    expect(await act('whatsapp', 'pause')).toMatchObject({ paused: true, why: null });
  });

  it('takes back what may succeed now, and nothing else', async () => {
    const wanted: string[] = [];
    const broadcasts = [undefined, ...(await Promise.all(['running', 'paused', 'done', 'cancelled'].map(line.broadcast)))];
    for (const state of ['failed', 'unknown', 'suppressed', 'sent', 'queued'])
      for (const [code, advice, mayPass] of [
        [131000, null, true],
        [null, null, true],
        [131005, 'Mend it.', true],
        [131026, 'Other way.', false],
      ] as const)
        for (const optedOut of [false, true])
          for (const why of ['no', 'window_closed'])
            for (const reference of [null, 'wamid.1'])
              for (const [index, broadcast] of broadcasts.entries()) {
                const id = await line.message({ state, code, advice, optedOut, why, reference, broadcast });
                const isCancelled = index === broadcasts.length - 1;
                if (state === 'failed' && mayPass && !optedOut && why === 'no' && reference === null && !isCancelled) wanted.push(id);
              }
    const [, running, paused, done, cancelled] = broadcasts;
    expect((await act('whatsapp', 'retry-failed')).retried).toBe(wanted.length);
    const back = await people.rows<{ id: string; state: string; tries: number }>(
      `SELECT id, state, tries FROM whatsapp_messages WHERE send_at >= now() - interval '1 minute' ORDER BY id`,
    );
    expect(back.map(({ id }) => id)).toEqual(wanted.sort());
    expect(new Set(back.map(({ state, tries }) => `${state} ${tries}`))).toEqual(new Set(['queued 0', 'held 0']));
    const states = await people.rows<{ id: string; state: string }>('SELECT id, state FROM whatsapp_broadcasts');
    expect(new Map(states.map(({ id, state }) => [id, state]))).toEqual(
      new Map([
        [running, 'running'],
        [paused, 'paused'],
        [done, 'running'],
        [cancelled, 'cancelled'],
      ]),
    );
    expect((await act('whatsapp', 'retry-failed')).retried).toBe(0);
  });

  it('is up while a long line moves, and down where it stands still', async () => {
    await line.many(50_000);
    expect(await queue('whatsapp')).toMatchObject({ waiting: 50_000 });
    const probe = async () =>
      (await people.ask('/health')).json as {
        error: Record<string, unknown>;
        details: { queues: Record<string, Record<string, unknown>> };
      };
    await line.message({ state: 'sent', dueSeconds: -20, sentSeconds: -10 });
    const moving = await eventually(probe, ({ details }) => details.queues.whatsapp?.waiting === 10_000);
    expect(moving.error).not.toHaveProperty('queues');
    expect(moving.details.queues.whatsapp?.oldestSeconds).toBeGreaterThanOrEqual(1_800);
    await people.rows(`UPDATE whatsapp_messages SET sent_at = now() - interval '70 seconds' WHERE state = 'sent'`);
    const still = await eventually(probe, ({ error }) => 'queues' in error);
    expect(still.error.queues).toMatchObject({ message: 'work has waited for over a minute in whatsapp' });
    await act('whatsapp', 'pause');
    await eventually(probe, ({ error }) => !('queues' in error));
  });
});

describe('a process that sends', () => {
  it('sends nothing while the line is paused, and goes on when it is resumed', async () => {
    await act('whatsapp', 'pause');
    const sending = await openPeople({ APP_ROLE: 'all' }, people);
    // The start of a whole process in this one leaves it behind with its work.
    await eventually(
      () => as(admin, 'GET'),
      ({ status }) => status === 200,
    );
    const { status, json } = await people.send(
      'POST',
      '/queues/whatsapp/messages',
      { to: '+5511987654321', text: 'Olá' },
      admin.accessToken,
    );
    expect(status).toBe(202);
    const stateOf = async () =>
      (await people.rows<{ state: string }>('SELECT state FROM whatsapp_messages WHERE id = $1', [json.id]))[0]?.state;
    // A job of the same process that ends shows that it is at work.
    await people.send('POST', '/auth/password/forgot', { email: admin.user.email });
    await eventually(
      () => people.rows('SELECT FROM handled_jobs WHERE waited_ms IS NOT NULL'),
      (done) => done.length > 0,
    );
    expect(await stateOf()).toBe('queued');
    await act('whatsapp', 'resume');
    expect(await eventually(stateOf, (state) => state === 'delivered')).toBe('delivered');
    expect((await queue('whatsapp'))?.perSecond).toBeGreaterThan(0);
    await sending.close();
  });
});
