import { randomInt } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { pause } from '../../src/kernel/waiting.js';
import { farOr } from '../support/drills.js';
import { eventually, labEnvironment, spawnLab } from '../support/lab.js';
import { newPhone, openWhatsApp, type WhatsApp } from '../support/whatsapp.js';

const PER_SECOND = 40;
/** Longer than whatever one process may hold without a word. */
const LEASES_MS = 60_000;
/** Of one drill, on a machine that is busy with others. */
const MOST_MS = farOr(900_000, 240_000);

let w: WhatsApp;
let env: Record<string, string | undefined>;
const workers: Awaited<ReturnType<typeof spawnLab>>[] = [];
beforeAll(async () => {
  w = await openWhatsApp({ env: { APP_ROLE: 'api' } });
  const { database, redis } = w.people.install;
  env = labEnvironment(database.url, redis.url, {
    APP_ROLE: 'worker',
    LOG_LEVEL: 'silent',
    WHATSAPP_RATE_PER_SECOND: String(PER_SECOND),
    ...w.api.env,
  });
});
afterAll(() => w.close());
afterEach(async () => {
  w.api.behave('well');
  await Promise.all(workers.splice(0).map(({ end }) => end('SIGKILL')));
});

const start = async (many: number) => {
  workers.push(...(await Promise.all(Array.from({ length: many }, () => spawnLab(env, { silent: true })))));
};
const send = async (many: number): Promise<string[]> =>
  Promise.all(Array.from({ length: many }, async () => String((await w.send({ to: newPhone(), text: 'Olá' })).json.id)));
const statesOf = async (ids: readonly string[]): Promise<Record<string, number>> => {
  const rows = await w.rows<{ state: string; many: number }>(
    'SELECT state, count(*)::int AS many FROM whatsapp_messages WHERE id = ANY($1::uuid[]) GROUP BY state',
    [ids],
  );
  return Object.fromEntries(rows.map(({ state, many }) => [state, many]));
};
const open = ['later', 'queued', 'held', 'taken', 'sending'];
const settled = (ids: readonly string[], ms = LEASES_MS + 60_000) =>
  eventually(
    () => statesOf(ids),
    (states) => !open.some((state) => state in states),
    ms,
  );
const callsOf = (ids: readonly string[]) => {
  const calls = new Map(ids.map((id) => [id, 0]));
  for (const { id } of w.api.journal()) if (id !== undefined && calls.has(id)) calls.set(id, calls.get(id)! + 1);
  return [...calls.values()];
};
const twice = (ids: readonly string[]) => callsOf(ids).filter((calls) => calls > 1).length;
const sending = async (ids: readonly string[]) => (await statesOf(ids)).sending ?? 0;

it(
  'workers that are killed again and again while the provider has their messages send none twice, and lose none',
  async () => {
    const kills = farOr(20, 3);
    w.api.behave({ slowMs: 300 });
    // All stand in the line before anybody sends: each round has its calls still to come, however long a busy machine takes to accept them.
    const ids = await send(farOr(1_500, 300));
    const heard = w.api.journal().length;
    await start(2);
    let underWay = 0;
    for (let round = 1; round <= kills; round += 1) {
      await w.api.heard(heard + round * 20);
      const one = workers.shift()!;
      await one.end('SIGKILL');
      await start(1);
      // What the dead one had begun stays so for longer than that.
      underWay += await sending(ids);
    }
    const { unknown = 0, sent = 0 } = await settled(ids);
    expect(twice(ids)).toBe(0);
    expect(sent + unknown).toBe(ids.length);
    expect(unknown).toBeLessThanOrEqual(underWay);
  },
  MOST_MS,
);

it(
  'a provider in every bad mood gets each message once, but for what it refused, and each has an end',
  async () => {
    await start(2);
    // More of which nobody knows in a row would make the line wait.
    const badTimes = farOr(40, 1);
    for (const how of [
      'html',
      'cut',
      'broken',
      { error: 131026 },
      { error: 131000, status: 500 },
      { error: 131056, retryAfter: '1' },
      { error: 130429, retryAfter: '1' },
    ] as const)
      w.api.behave(how, { times: badTimes });
    const ids = await send(farOr(600, 80));
    const states = await settled(ids);
    const refused = badTimes * 2;
    expect(twice(ids)).toBeLessThanOrEqual(refused);
    expect((states.sent ?? 0) + (states.failed ?? 0) + (states.unknown ?? 0)).toBe(ids.length);
    // What it took, or may have taken, it saw once: whatever was tried again had been refused.
    const taken = new Map<string, number>();
    for (const { id = '', reference } of w.api.journal()) if (reference !== undefined) taken.set(id, (taken.get(id) ?? 0) + 1);
    expect(ids.filter((id) => (taken.get(id) ?? 0) > 1)).toEqual([]);
    const reasons = await w.rows(
      `SELECT FROM whatsapp_messages WHERE id = ANY($1::uuid[]) AND state IN ('failed', 'unknown') AND why IS NULL`,
      [ids],
    );
    expect(reasons).toEqual([]);
  },
  MOST_MS,
);

it(
  'Redis that comes back empty, or not at all, keeps no message from going',
  async () => {
    const ids = await send(farOr(500, 60));
    await start(1);
    await w.people.install.redis.ask((redis) => redis.flushall());
    await w.people.install.redis.kill();
    try {
      expect(await settled(ids)).toEqual({ sent: ids.length });
    } finally {
      await w.people.install.redis.start();
    }
    expect(twice(ids)).toBe(0);
  },
  MOST_MS,
);

it(
  'a worker that is told to stop ends its calls, and leaves the rest to others at once',
  async () => {
    w.api.behave({ slowMs: 1_500 });
    await start(1);
    const heard = w.api.journal().length;
    const ids = await send(80);
    await w.api.heard(heard + 20);
    const [one] = workers.splice(0);
    expect(await one!.end('SIGTERM')).toBe(0);
    const states = await statesOf(ids);
    expect(states).not.toHaveProperty('sending');
    expect(states).not.toHaveProperty('taken');
    expect(states).not.toHaveProperty('unknown');
    w.api.behave('well');
    await start(1);
    expect(await settled(ids)).toEqual({ sent: ids.length });
    expect(twice(ids)).toBe(0);
  },
  MOST_MS,
);

it(
  'a worker that stands still longer than it may hold anything sends nothing that others have sent meanwhile',
  async () => {
    await start(2);
    const heard = w.api.journal().length;
    const ids = await send(farOr(600, 200));
    await w.api.heard(heard + 20);
    const [frozen] = workers;
    frozen!.process.kill('SIGSTOP');
    await pause(farOr(LEASES_MS, 14_000));
    frozen!.process.kill('SIGCONT');
    const { sent = 0, unknown = 0 } = await settled(ids);
    expect(twice(ids)).toBe(0);
    expect(sent + unknown).toBe(ids.length);
  },
  MOST_MS,
);

it(
  'PostgreSQL’s own view of an opt-out holds, whenever it comes',
  async () => {
    await start(2);
    const people = Array.from({ length: 60 }, newPhone);
    const ids = await Promise.all(people.map(async (to) => String((await w.send({ to, text: 'Olá' })).json.id)));
    const at = new Map<string, number>();
    for (const phone of people.slice(0, 30)) {
      await w.rows('UPDATE whatsapp_recipients SET opted_out = true WHERE phone = $1', [phone]);
      at.set(phone, performance.timeOrigin + performance.now());
      await pause(randomInt(20));
    }
    await settled(ids);
    const late = w.api
      .journal()
      .filter(({ id, to, at: when }) => ids.includes(id ?? '') && when > (at.get(`+${to ?? ''}`) ?? Infinity) + 1_000);
    expect(late).toEqual([]);
  },
  MOST_MS,
);
