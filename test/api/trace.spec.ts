import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApp } from '../support/app.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { eventually, labEnvironment } from '../support/lab.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let app: Awaited<ReturnType<typeof openApp>>;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  app = await openApp(labEnvironment(database.url, redis.url, { LOG_LEVEL: 'debug' }));
});
afterAll(async () => {
  await app.app.close();
  await Promise.all([database.drop(), redis.stop()]);
});

const linesOf = (requestId: string) => app.lines.filter((line) => line.requestId === requestId);
const stumbling = `/lab/jobs?job=lab.stumble&payload=${encodeURIComponent('{"n":1,"times":1}')}`;

describe('a trace', () => {
  it('goes from the request through the outbox row into the log lines of its job', async () => {
    await app.ask(stumbling, { method: 'POST', headers: { 'x-request-id': 'ask-1', traceparent: `00-${TRACE}-${SPAN}-01` } });
    await eventually(
      () => Promise.resolve(linesOf('ask-1')),
      (lines) => lines.some(({ msg }) => msg === 'job failed'),
    );
    expect(linesOf('ask-1').map(({ msg, traceId }) => [msg, traceId])).toEqual(
      expect.arrayContaining([
        ['request', TRACE],
        ['job failed', TRACE],
      ]),
    );
  });

  it.each([
    '',
    'nonsense',
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-later`,
    `01-${TRACE}-${SPAN}-01later`,
    `01-${TRACE}-${SPAN}`,
    `0g-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  ])('begins anew where what was given is none: %s', async (traceparent) => {
    const id = `anew-${Math.random()}`;
    await app.ask('/nowhere', { headers: { 'x-request-id': id, traceparent } });
    const [line] = await eventually(
      () => Promise.resolve(linesOf(id)),
      (lines) => lines.length > 0,
    );
    expect(line?.traceId).toMatch(/^[\da-f]{32}$/);
    expect(line?.traceId).not.toBe(TRACE);
  });

  it.each([`00-${TRACE}-${SPAN}-00`, `01-${TRACE}-${SPAN}-01`, `01-${TRACE}-${SPAN}-01-what-comes-later`, `cc-${TRACE}-${SPAN}-ff-`])(
    'goes on from what a later version tells, as far as it is known: %s',
    async (traceparent) => {
      const id = `later-${Math.random()}`;
      await app.ask('/nowhere', { headers: { 'x-request-id': id, traceparent } });
      const [line] = await eventually(
        () => Promise.resolve(linesOf(id)),
        (lines) => lines.length > 0,
      );
      expect(line?.traceId).toBe(TRACE);
    },
  );

  it('never mixes requests that run at once, nor what follows from them', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `mixed-${index}`);
    await Promise.all(ids.map((id) => app.ask(stumbling, { method: 'POST', headers: { 'x-request-id': id } })));
    for (const id of ids)
      await eventually(
        () => Promise.resolve(linesOf(id).map(({ msg }) => msg)),
        (told) => told.includes('request') && told.includes('job failed'),
      );
    for (const id of ids) expect(new Set(linesOf(id).map(({ traceId }) => traceId)).size).toBe(1);
    expect(new Set(ids.map((id) => linesOf(id)[0]?.traceId)).size).toBe(40);
  });
});

it('Server-Timing is told outside of production', async () => {
  expect((await app.ask('/health/live')).headers.get('server-timing')).toMatch(/^total;dur=\d/);
});
