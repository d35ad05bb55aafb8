import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DataSource } from 'typeorm';
import { CONFIG } from '../../src/config/config.module.js';
import type { Config } from '../../src/config/config.js';
import { Transactions } from '../../src/database/transactions.js';
import { Forecast } from '../../src/queues/whatsapp/broadcasts/forecast.service.js';
import { ForecastStore } from '../../src/queues/whatsapp/broadcasts/forecast.store.js';
import { LineStore } from '../../src/queues/whatsapp/line.store.js';
import { OutcomesStore } from '../../src/queues/whatsapp/outcomes.store.js';
import { newPhone, openWhatsApp, type WhatsApp } from '../support/whatsapp.js';

/** No process here sends: what is taken is taken by the test. */
let w: WhatsApp;
const lines: LineStore[] = [];
const lineOf = (over: Partial<Config> = {}) => {
  const { app } = w.people;
  const line = new LineStore(app.get(DataSource), app.get(Transactions), { ...app.get<Config>(CONFIG), ...over });
  lines.push(line);
  return line;
};
let line: LineStore;
let outcomes: OutcomesStore;
beforeAll(async () => {
  w = await openWhatsApp({ cloud: false, env: { APP_ROLE: 'api', WHATSAPP_RATE_PER_SECOND: '100' } });
  line = lineOf();
  outcomes = new OutcomesStore(w.people.app.get(DataSource));
});
afterAll(async () => {
  await Promise.all(lines.map((one) => one.close()));
  await w.close();
});
beforeEach(async () => {
  await w.rows('DELETE FROM whatsapp_messages');
  await w.rows('DELETE FROM whatsapp_recipients');
  await w.rows('UPDATE whatsapp_pace SET next_at = now()');
});

const add = async (to = newPhone(), more: object = {}) => String((await w.send({ to, text: 'Olá', ...more })).json.id);
const state = async (id: string) =>
  (await w.rows<{ state: string; tries: number }>('SELECT state, tries FROM whatsapp_messages WHERE id = $1', [id]))[0];
const lapse = () => w.rows(`UPDATE whatsapp_messages SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL`);

describe('The line', () => {
  it('gives each message to one taker only, and all of them one pace, however many take at once', async () => {
    await Promise.all(Array.from({ length: 90 }, () => add()));
    const began = performance.now();
    const all = (await Promise.all([line, lineOf(), lineOf()].map((one) => one.take(20)))).flat();
    expect(all.length).toBeGreaterThan(20);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    const turns = await w.rows<{ ms: number }>(
      `SELECT (extract(epoch FROM next_at) * 1000)::float8 AS ms FROM whatsapp_recipients WHERE next_at > now() + interval '5 seconds' ORDER BY 1`,
    );
    const gaps = turns.slice(1).map(({ ms }, at) => ms - turns[at]!.ms);
    expect(turns).toHaveLength(all.length);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(9.9);
    expect(performance.now()).toBeGreaterThan(began);
  });

  it('takes back what its taker knows that he did not send, uncounted', async () => {
    const id = await add();
    const [taken] = await line.take(1);
    expect(await line.begin([taken!])).toEqual(new Set([id]));
    expect(await state(id)).toEqual({ state: 'sending', tries: 1 });
    await line.giveBack([taken!]);
    expect(await state(id)).toEqual({ state: 'queued', tries: 0 });
  });

  it('lets nobody begin whose taking is overtaken', async () => {
    const id = await add();
    const [first] = await line.take(1);
    await lapse();
    await line.freshen();
    await w.rows('UPDATE whatsapp_recipients SET next_at = now()');
    const [second] = await line.take(1);
    expect(second).toMatchObject({ id, handovers: first!.handovers + 1 });
    expect(await line.begin([first!])).toEqual(new Set());
    await line.giveBack([first!]);
    expect(await line.begin([second!])).toEqual(new Set([id]));
    expect(await line.begin([second!])).toEqual(new Set());
  });

  it('knows nothing of what was being sent when its process ended, and believes whoever heard of it later', async () => {
    const id = await add();
    const [taken] = await line.take(1);
    await line.begin([taken!]);
    await lapse();
    expect(await line.freshen()).toEqual({ unknown: 1 });
    expect((await state(id))?.state).toBe('unknown');
    await line.giveBack([taken!]);
    await outcomes.stop(taken!, { kind: 'stop', why: 'late', advice: 'none' });
    expect((await state(id))?.state).toBe('unknown');
    await outcomes.sent([{ ...taken!, reference: 'wamid.late', delivered: false }]);
    expect((await state(id))?.state).toBe('sent');
  });

  it('sends nothing to who has opted out between his message’s taking and its turn', async () => {
    const id = await add();
    const [taken] = await line.take(1);
    await w.rows('UPDATE whatsapp_recipients SET opted_out = true');
    expect(await line.begin([taken!])).toEqual(new Set());
    await line.giveBack([taken!]);
    expect((await state(id))?.state).toBe('suppressed');
  });

  it('is empty while it is paused', async () => {
    await add();
    await w.rows(`INSERT INTO queue_states (queue, paused, changed_at) VALUES ('whatsapp', true, now())`);
    expect((await line.look()).due).toBe(false);
    expect(await line.take(10)).toEqual([]);
    await w.rows(`DELETE FROM queue_states`);
    expect(await line.take(10)).toHaveLength(1);
  });

  it('holds back broadcasts in quiet hours, and nothing else', async () => {
    const [direct, news] = [await add(), await add()];
    await w.rows(`UPDATE whatsapp_messages SET lane = 'broadcast' WHERE id = $1`, [news]);
    const minute = Math.floor(Date.now() / 60_000) % 1_440;
    const hours = { from: (minute + 1_380) % 1_440, to: (minute + 60) % 1_440 };
    const quiet = lineOf({ WHATSAPP_QUIET_HOURS: hours, WHATSAPP_TIMEZONE: 'UTC' });
    expect((await quiet.take(10)).map(({ id }) => id)).toEqual([direct]);
    expect((await line.take(10)).map(({ id }) => id)).toEqual([news]);
  });

  it('writes first to as many people a day as the account may, and to the others later', async () => {
    const ids = [await add(), await add(), await add()];
    const bound = lineOf({ WHATSAPP_DAILY_RECIPIENTS: 2 });
    expect((await bound.take(10)).map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect((await state(ids[2]!))?.state).toBe('later');
    expect(Number((await w.read(ids[2]!)).etaSeconds)).toBeGreaterThan(86_000);
    const [{ hours }] = (await w.rows<{ hours: number }>(
      `SELECT (extract(epoch FROM send_at - now()) / 3600)::float8 AS hours FROM whatsapp_messages WHERE id = $1`,
      [ids[2]],
    )) as [{ hours: number }];
    expect(hours).toBeGreaterThan(23.9);
  });

  it('counts the distance to one telephone from when its message goes, not from when it was to', async () => {
    const to = newPhone();
    const [first, second] = [await add(to), await add(to)];
    const [taken] = await line.take(1);
    expect(taken?.id).toBe(first);
    // Its process stood still for longer than the distance.
    await w.rows(`UPDATE whatsapp_recipients SET next_at = now() - interval '1 second' WHERE phone = $1`, [to]);
    expect(await line.begin([taken!])).toEqual(new Set([first]));
    expect(await line.take(10)).toEqual([]);
    const [next] = await w.rows<{ seconds: number }>(
      `SELECT extract(epoch FROM send_at - clock_timestamp())::float8 AS seconds FROM whatsapp_messages WHERE id = $1 AND state = 'later'`,
      [second],
    );
    expect(next?.seconds).toBeGreaterThan(5);
  });

  it('lets what is owed overtake what was asked for before, for some seconds', async () => {
    const [first, second] = [await add(), await add()];
    await w.rows(`UPDATE whatsapp_messages SET rank_at = rank_at - interval '5 seconds' WHERE id = $1`, [second]);
    expect((await line.take(10)).map(({ id }) => id)).toEqual([second, first]);
  });
});

describe('The time that is told', () => {
  const eta = async (id: unknown) => Number((await w.read(id)).etaSeconds);

  it('is that of the turn that a message has', async () => {
    const id = await add();
    await line.take(1);
    expect((await state(id))?.state).toBe('taken');
    expect(await eta(id)).toBeLessThanOrEqual(1);
  });

  it('is what stands before, and behind that for which everybody waits', async () => {
    await Promise.all(Array.from({ length: 200 }, () => add()));
    await outcomes.hold(10_000);
    const [last] = await w.rows<{ id: string }>('SELECT id FROM whatsapp_messages ORDER BY rank_at DESC, id DESC LIMIT 1');
    expect([11, 12]).toContain(await eta(last!.id));
  });
});

describe('What is foreseen', () => {
  const forecastOf = (over: Partial<Config> = {}) => {
    const config = { ...w.people.app.get<Config>(CONFIG), ...over };
    return new Forecast(new ForecastStore(w.people.app.get(DataSource), config), config);
  };
  const oneMore = { optedOut: 0, invalid: 0, willGo: 1, opens: 1 };
  const hoursUntil = (at: Date | null) => (at!.getTime() - Date.now()) / 3_600_000;

  it('of all that is due is nothing where nothing is, and of what waits at its pace', async () => {
    expect(await forecastOf().secondsLeft()).toBe(0);
    await add(newPhone(), { sendAt: new Date(Date.now() + 3_600_000).toISOString() });
    expect(await forecastOf().secondsLeft()).toBe(0);
    await add();
    expect(await forecastOf().secondsLeft()).toBeCloseTo(0.51, 1);
  });

  it('of all that is due counts the quiet hours of broadcasts', async () => {
    await Promise.all([add(), add()]);
    const minute = Math.floor(Date.now() / 60_000) % 1_440;
    const hours = { from: (minute + 1_380) % 1_440, to: (minute + 120) % 1_440 };
    const quiet = forecastOf({ WHATSAPP_QUIET_HOURS: hours, WHATSAPP_TIMEZONE: 'UTC' });
    expect(await quiet.secondsLeft()).toBeLessThan(2);
    await w.rows(`UPDATE whatsapp_messages SET lane = 'broadcast'`);
    expect((await quiet.secondsLeft()) / 3_600).toBeCloseTo(2, 1);
  });

  it('is behind those who may be written to first before: a day for each whom the account has no room for', async () => {
    await add();
    await w.rows(`UPDATE whatsapp_recipients SET opened_at = now() - interval '20 hours'`);
    expect((await lineOf({ WHATSAPP_DAILY_RECIPIENTS: 1 }).take(10)).length).toBe(1);
    await w.rows('DELETE FROM whatsapp_messages');
    await add();
    const bound = forecastOf({ WHATSAPP_DAILY_RECIPIENTS: 1 });
    for (const wanted of [[], ['later']]) {
      expect(await lineOf({ WHATSAPP_DAILY_RECIPIENTS: 1 }).take(wanted.length)).toEqual([]);
      expect((await bound.secondsLeft()) / 3_600).toBeCloseTo(4, 1);
      const { endsAt, waitsFor } = await bound.of(oneMore);
      expect(hoursUntil(endsAt)).toBeCloseTo(28, 1);
      expect(waitsFor.map(({ reason }) => reason)).toEqual(['tier', 'tier']);
      expect(hoursUntil((await bound.of({ ...oneMore, opens: 0 })).endsAt)).toBeCloseTo(0, 1);
    }
  });

  it('of a line that is paused is nothing that anybody knows', async () => {
    await w.rows(`INSERT INTO queue_states (queue, paused, changed_at) VALUES ('whatsapp', true, now())`);
    expect(await forecastOf().of(oneMore)).toMatchObject({
      ...{ willGo: 1, startsAt: null, endsAt: null, days: [] },
      waitsFor: [{ reason: 'paused', until: null }],
    });
    await w.rows('DELETE FROM queue_states');
  });
});

describe('A refusal', () => {
  const sending = async () => {
    const id = await add();
    const [taken] = await line.take(1);
    await line.begin([taken!]);
    return { id, taken: taken! };
  };
  it('that all have to wait for moves everybody’s next turn', async () => {
    const { id, taken } = await sending();
    await outcomes.wait(taken, { kind: 'wait', why: 'too much', waitMs: 60_000, whom: 'all' });
    expect(await state(id)).toEqual({ state: 'later', tries: 0 });
    await add();
    expect(await line.take(10)).toEqual([]);
  });

  it('is given up after a dozen tries', async () => {
    const { id, taken } = await sending();
    await w.rows('UPDATE whatsapp_messages SET tries = 12');
    await outcomes.wait(taken, { kind: 'wait', why: 'too much', waitMs: 1, whom: 'message' });
    expect((await state(id))?.state).toBe('failed');
  });

  it('by who wants no more is remembered for all that follows', async () => {
    const { taken } = await sending();
    await outcomes.stop(taken, { kind: 'stop', why: 'opted out', advice: 'none', optsOut: true });
    expect((await w.send({ to: taken.message.to, text: 'Mais' })).json.status).toBe('suppressed');
  });
});
