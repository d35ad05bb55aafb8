import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { opsWords } from '../../src/ops/ops.words.js';
import type { ScalingView } from '../../src/ops/scaling.dto.js';
import { Watch } from '../../src/ops/watch.service.js';
import { codesOf, openPair, type Session } from '../support/people.js';

let pair: Awaited<ReturnType<typeof openPair>>;
let donor: Session;
beforeAll(async () => {
  pair = await openPair();
  donor = await pair.people.person();
});
afterAll(() => pair.close());

const seen = async () => {
  const { status, text } = await pair.as(pair.admin, 'GET', '/ops/scaling');
  expect(status).toBe(200);
  return JSON.parse(text) as ScalingView;
};
const look = () => Promise.all([pair.people, pair.beside].map(({ app }) => app.get(Watch).look(0)));

describe('How the system fares', () => {
  it('is told to admins alone', async () => {
    for (const path of ['/ops/scaling', '/ops/scaling/stream']) {
      expect(codesOf(await pair.as(undefined, 'GET', path))).toEqual([401, 'unauthenticated']);
      expect(codesOf(await pair.as(donor, 'GET', path))).toEqual([403, 'forbidden']);
    }
  });

  it('is told right after a start, in the shape that is promised', async () => {
    const view = await seen();
    const shape = opsWords.scaling.answers[200]?.shape;
    expect(shape?.safeParse(view).error).toBeUndefined();
    expect(view.workers.instances).toBeGreaterThanOrEqual(1);
    expect(view.headroom).toMatchObject({ basis: 'assumed', sustainableRequestsPerSecond: expect.any(Number) as number });
    expect(view.headroom.sustainableRequestsPerSecond).toBeGreaterThan(0);
    expect(view.queues.map(({ name }) => name)).toContain('alerts');
  });

  it('counts what was asked of all instances, and what it cost', async () => {
    await look();
    const asked = 150;
    for (let time = 0; time < asked; time += 1) await Promise.all([pair.people, pair.beside].map((at) => at.send('GET', '/plans')));
    await look();
    const view = await seen();
    expect(view.workers.instances).toBe(2);
    expect(view.requestsPerSecond).toBeGreaterThan(1);
    expect(view.latency.p50Ms).toBeGreaterThan(0);
    expect(view.headroom).toMatchObject({ basis: 'measured', users: view.headroom.sustainableRequestsPerSecond * 10 });
    expect(view.headroom.limits.find(({ resource }) => resource === view.headroom.first)?.requestsPerSecond).toBe(
      view.headroom.sustainableRequestsPerSecond,
    );
  });
});

describe('The stream of it', () => {
  const read = async (signal: AbortSignal) =>
    fetch(`${pair.people.url}/api/v1/ops/scaling/stream`, { headers: { authorization: `Bearer ${pair.admin.accessToken}` }, signal });

  it('tells at once and again, and ends with the reader', async () => {
    const gone = new AbortController();
    const response = await read(gone.signal);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    let text = '';
    const decoder = new TextDecoder();
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(piece, { stream: true });
      if (text.split('event: scaling').length > 2) break;
    }
    expect(JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '')).toMatchObject({ headroom: { users: expect.any(Number) as number } });
    gone.abort();
  });

  it('is open to so many at once, and to the next when one has gone', async () => {
    const gone = new AbortController();
    const open = await Promise.all(Array.from({ length: 20 }, () => read(gone.signal)));
    expect(open.every(({ status }) => status === 200)).toBe(true);
    expect(codesOf(await pair.as(pair.admin, 'GET', '/ops/scaling/stream'))).toEqual([429, 'too_many_streams']);
    gone.abort();
    const again = new AbortController();
    await expect.poll(async () => (await read(again.signal)).status, { timeout: 10_000 }).toBe(200);
    again.abort();
  });
});
