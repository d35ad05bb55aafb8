import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import { farOr } from '../support/drills.js';
import { eventually, labEnvironment, spawnLab } from '../support/lab.js';
import { newPhone, openWhatsApp, type WhatsApp } from '../support/whatsapp.js';

const PER_SECOND = 80;
const MESSAGES = farOr(10_000, 800);

let w: WhatsApp | undefined;
const workers: Awaited<ReturnType<typeof spawnLab>>[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map(({ end }) => end('SIGKILL')));
  await w?.close();
});

/** So many messages that are due, to as many people. */
const fill = (rows: WhatsApp['rows'], many: number) =>
  rows(
    `WITH people AS (INSERT INTO whatsapp_recipients (phone, next_at, opted_out) SELECT '+551197' || lpad(n::text, 7, '0'), now(), false FROM generate_series(1, $1) n RETURNING phone)
     INSERT INTO whatsapp_messages (id, lane, phone, text, state, send_at, rank_at, handovers, tries, created_at)
     SELECT gen_random_uuid(), 'direct', phone, 'Olá', 'queued', now(), now() + row_number() OVER () * interval '1 millisecond', 0, 0, now() FROM people`,
    [many],
  );

describe('Many messages over two workers', () => {
  it(`keep the pace in every second, and come close to it`, async () => {
    w = await openWhatsApp({ env: { APP_ROLE: 'api', WHATSAPP_RATE_PER_SECOND: String(PER_SECOND) } });
    const { database, redis } = w.people.install;
    const env = labEnvironment(database.url, redis.url, { APP_ROLE: 'worker', WHATSAPP_RATE_PER_SECOND: String(PER_SECOND), ...w.api.env });
    workers.push(...(await Promise.all([spawnLab(env), spawnLab(env)])));
    await fill(w.rows, MESSAGES);
    const watching = monitorEventLoopDelay({ resolution: 5 });
    watching.enable();
    const entries = await w.api.heard(MESSAGES);
    const stoodStill = watching.max / 1e9;
    const at = entries.map((entry) => entry.at).sort((a, b) => a - b);
    let most = 0;
    for (let from = 0, to = 0; to < at.length; to += 1) {
      while (at[to]! - at[from]! >= 1_000) from += 1;
      most = Math.max(most, to - from + 1);
    }
    const took = (at.at(-1)! - at[0]!) / 1_000;
    console.log(
      `${MESSAGES} messages in ${took.toFixed(2)} s, ideal ${(MESSAGES / PER_SECOND).toFixed(2)} s; at most ${most} in any second (stood still for ${(stoodStill * 1_000).toFixed(0)} ms at most)`,
    );
    expect(new Set(entries.map(({ id }) => id)).size).toBe(MESSAGES);
    // What came while the stand-in itself stood still came to it at once.
    expect(most).toBeLessThanOrEqual(PER_SECOND * (1.05 + stoodStill));
    // A busy machine may stand still; what it may not do is hurry.
    expect(took).toBeLessThan((MESSAGES / PER_SECOND) * farOr(1.05, 4));
    await eventually(
      () => w!.rows<{ open: number }>(`SELECT count(*)::int AS open FROM whatsapp_messages WHERE state <> 'sent'`),
      ([row]) => row?.open === 0,
    );
  });
});

describe('A place in the line', () => {
  it('and the time it tells are true in a steady run', async () => {
    w = await openWhatsApp({ cloud: false, env: { WHATSAPP_RATE_PER_SECOND: '40' } });
    const [admin, { rows }] = [w.admin, w];
    const once = async (): Promise<number> => {
      await rows('DELETE FROM whatsapp_messages');
      await rows('DELETE FROM whatsapp_recipients');
      await fill(rows, 400);
      const [last] = await rows<{ id: string }>('SELECT id FROM whatsapp_messages ORDER BY rank_at DESC LIMIT 1');
      const asked = performance.now();
      const { json } = await w!.ask(admin, 'GET', `/messages/${last!.id}`);
      expect(Number(json.position)).toBeLessThanOrEqual(399);
      await w!.becomes(last!.id, 'delivered');
      return Number(json.etaSeconds) / ((performance.now() - asked) / 1_000);
    };
    // It may take longer on a machine that is busy with other things, which nobody could foresee; it is never there sooner.
    const ratio = await once();
    expect(ratio).toBeLessThanOrEqual(1.1);
    expect(ratio).toBeGreaterThanOrEqual(farOr(0.9, 0.2));
  });
});

describe('One telephone', () => {
  it('hears six seconds apart, whichever process sends', async () => {
    w = await openWhatsApp({ env: { APP_ROLE: 'api' } });
    const { database, redis } = w.people.install;
    const env = labEnvironment(database.url, redis.url, { APP_ROLE: 'worker', ...w.api.env });
    workers.push(...(await Promise.all([spawnLab(env), spawnLab(env)])));
    const to = newPhone();
    await Promise.all(Array.from({ length: 3 }, (_, n) => w!.send({ to, text: `n${n}` })));
    const at = (await w.api.heard(3)).map((entry) => entry.at).sort((a, b) => a - b);
    expect(Math.min(at[1]! - at[0]!, at[2]! - at[1]!)).toBeGreaterThanOrEqual(6_000);
  });
});
