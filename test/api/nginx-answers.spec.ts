import type { ServerResponse } from 'node:http';
import { request } from 'node:https';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/lab.js';
import { toolOf } from '../support/tool-of.js';
import { startNginx, type Told } from '../support/nginx.js';
import { startOrigin, type Origin } from '../support/origins.js';
import { openPeople, type People } from '../support/people.js';

/** How long an answer may be kept, and how far the clock of a busy proxy may be behind. */
const KEPT_MS = 500;
const BEHIND_MS = 250;

type Nginx = Awaited<ReturnType<typeof startNginx>>;
let nginx: Nginx;
let api: Origin[];
let ai: Origin;
beforeAll(async () => {
  api = await Promise.all(['one', 'two', 'three'].map(startOrigin));
  ai = await startOrigin('ai');
  const [one, two, three] = api.map(({ port }) => port) as [number, number, number];
  nginx = await startNginx({ program: toolOf('nginx'), api: [one, two, three], ai: ai.port });
});
afterAll(async () => {
  await nginx.stop();
  await Promise.all([...api, ai].map((origin) => origin.stop()));
});
beforeEach(() => [...api, ai].forEach((origin) => origin.forget()));

let asker = 10;
const somebody = () => `127.1.${1 + ((asker += 1) >> 8)}.${asker & 255}`;
const heard = () => api.flatMap((origin) => origin.heard);
const behaveAll = (as: Parameters<Origin['behave']>[0]) => [...api, ai].forEach((origin) => origin.behave(as));

describe('What anyone may read', () => {
  const tells = () => {
    let count = 0;
    behaveAll((_request, response) => {
      count += 1;
      response
        .setHeader('x-ratelimit-remaining', String(600 - count))
        .setHeader('cache-control', 'no-cache')
        .setHeader('etag', '"v1"');
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ at: Date.now() }));
    });
  };

  it('is asked once in half a second, however many come, and is never older', async () => {
    const round = async () => {
      tells();
      let asked = 0;
      let oldestMs = 0;
      const began = performance.now();
      while (performance.now() - began < 1_600) {
        const now = Date.now();
        const answers = await Promise.all(Array.from({ length: 5 }, () => nginx.ask('/api/v1/campaigns?page=1', { from: somebody() })));
        asked += answers.length;
        for (const { status, text } of answers) {
          expect(status).toBe(200);
          oldestMs = Math.max(oldestMs, now - (JSON.parse(text) as { at: number }).at);
        }
        asker = asker > 200 ? 10 : asker;
        await new Promise((next) => setTimeout(next, 20));
      }
      const halves = Math.ceil((performance.now() - began) / KEPT_MS) + 1;
      return heard().length <= halves && asked > halves && oldestMs <= KEPT_MS + BEHIND_MS;
    };
    // Whoever has waited for 20 ms is let through: on a busy machine many have.
    await eventually(round, Boolean);
  });

  it('says nothing of what its first reader had left, and has its own request id', async () => {
    tells();
    const both = () =>
      Promise.all(['a-1', 'b-2'].map((id) => nginx.ask('/api/v1/plans', { from: somebody(), headers: { 'x-request-id': id } })));
    const answers = await both();
    expect(answers.map(({ headers }) => headers['x-request-id'])).toEqual(['a-1', 'b-2']);
    for (const { headers } of answers) expect(headers['x-ratelimit-remaining'] === undefined).toBe(headers['x-edge-cache'] === 'HIT');
  });

  it('is refused as a problem to whoever expects something else', async () => {
    tells();
    const asked = { headers: { 'if-match': '"v0"' }, from: somebody() };
    const refused = await nginx.ask('/api/v1/campaigns?page=4', asked);
    expect([refused.status, refused.headers['content-type']]).toEqual([412, 'application/problem+json; charset=utf-8']);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'precondition_failed' });
  });

  it('is not sent again to whoever has it', async () => {
    tells();
    const again = await nginx.ask('/api/v1/campaigns/one', { from: somebody(), headers: { 'if-none-match': '"v1"' } });
    expect([again.status, again.text, again.headers.etag]).toEqual([304, '', '"v1"']);
  });

  it.each([
    ['an answer for somebody', { headers: { authorization: 'Bearer me' } }],
    ['an answer for a browser that is known', { headers: { cookie: 'who=me' } }],
    ['an act', { method: 'POST', body: '{}' }],
  ])('is something else than %s', async (_what, as) => {
    tells();
    const path = `/api/v1/campaigns/${asker}`;
    for (let time = 0; time < 3; time += 1) await nginx.ask(path, { from: somebody(), ...as });
    expect(heard().filter((each) => each.path === path)).toHaveLength(3);
    tells();
    for (let time = 0; time < 3; time += 1) await nginx.ask('/api/v1/users/me', { from: somebody() });
    expect(heard().filter((each) => each.path === '/api/v1/users/me')).toHaveLength(3);
  });

  it('is not kept where it sets a cookie or is no success', async () => {
    behaveAll((_request, response) => response.setHeader('set-cookie', 'a=b').end('{}'));
    for (let time = 0; time < 3; time += 1) await nginx.ask('/api/v1/campaigns/cookie', { from: somebody() });
    behaveAll((_request, response) => response.writeHead(404).end('{}'));
    for (let time = 0; time < 3; time += 1) await nginx.ask('/api/v1/campaigns/none', { from: somebody() });
    expect(heard()).toHaveLength(6);
  });
});

describe('AI', () => {
  it('goes to its own role, and all else to the other', async () => {
    for (const path of ['/v1/models', '/api/v1/ai/usage']) await nginx.ask(path, { from: somebody() });
    for (const path of ['/v10', '/api/v1/aid', '/health', '/api/docs']) await nginx.ask(path, { from: somebody() });
    expect([ai.heard.map(({ path }) => path), heard().length]).toEqual([['/v1/models', '/api/v1/ai/usage'], 4]);
  });

  it.each(['/v1/chat/completions', '/api/v1/ai/chat'])('%s is passed on piece by piece', async (path) => {
    // The next piece is said when the one before has arrived: whoever gathers them waits for ever.
    let next: (() => void) | undefined;
    ai.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let left = 3;
      next = () => ((left -= 1) < 0 ? response.end() : void response.write(`data: ${left}\n\n`));
      next();
    });
    const text = await new Promise<string>((resolve, reject) => {
      const from = somebody();
      const options = { host: '127.0.0.1', port: nginx.port, ca: nginx.cert, checkServerIdentity: () => undefined, localAddress: from };
      const headers = { 'accept-encoding': 'gzip' };
      const asked = request({ ...options, path, method: 'POST', headers }, (answer) => {
        let all = '';
        answer.setEncoding('utf8').on('data', (piece: string) => {
          all += piece;
          next?.();
        });
        answer.on('end', () => resolve(all));
      });
      asked.on('error', reject);
      asked.end();
    });
    expect(text).toBe('data: 2\n\ndata: 1\n\ndata: 0\n\n');
  });
});

describe('On the way', () => {
  it('answers are packed for who asks for it, but none that carry secrets', async () => {
    const body = JSON.stringify({ words: 'um dois tres '.repeat(500) });
    behaveAll((_request, response) => response.setHeader('content-type', 'application/json').end(body));
    const sizeOf = async (path: string) => {
      const raw = await new Promise<{ packed: boolean; bytes: Buffer }>((resolve, reject) => {
        const options = {
          host: '127.0.0.1',
          port: nginx.port,
          ca: nginx.cert,
          checkServerIdentity: () => undefined,
          localAddress: somebody(),
        };
        const asked = request({ ...options, path, headers: { 'accept-encoding': 'gzip' } }, (answer) => {
          const pieces: Buffer[] = [];
          answer.on('data', (piece: Buffer) => pieces.push(piece));
          answer.on('end', () => resolve({ packed: answer.headers['content-encoding'] === 'gzip', bytes: Buffer.concat(pieces) }));
        });
        asked.on('error', reject);
        asked.end();
      });
      expect((raw.packed ? gunzipSync(raw.bytes) : raw.bytes).toString()).toBe(body);
      return raw.bytes.length;
    };
    expect(await sizeOf('/api/v1/users/me')).toBeLessThan(body.length / 5);
    expect(await sizeOf('/api/v1/auth/sessions')).toBe(body.length);
  });

  it('connections to the servers are kept', async () => {
    const before = api.map((origin) => origin.connections());
    for (let time = 0; time < 90; time += 1) await nginx.ask('/health/live', { from: somebody() });
    const fresh = api.map((origin, at) => origin.connections() - before[at]!);
    expect(heard()).toHaveLength(90);
    // Each worker of nginx keeps its own.
    expect(Math.max(...fresh)).toBeLessThan(25);
  });
});

describe('Before the system itself', () => {
  let people: People;
  let front: Nginx;
  beforeAll(async () => {
    people = await openPeople({ TRUST_PROXY: '127.0.0.1', RATE_LIMIT_IP_PER_MINUTE: '50' });
    const port = Number(new URL(people.url).port);
    front = await startNginx({ program: toolOf('nginx'), api: [port, port, port], ai: port });
  });
  afterAll(async () => {
    await front.stop();
    await people.close();
  });

  it('each address has its own limit there, and problems are those of the application', async () => {
    const gone = await front.ask('/api/v1/campaigns/nothing', { from: '127.0.3.1', headers: { 'x-request-id': 'asked-1' } });
    expect(gone).toMatchObject({ status: 404, headers: { 'x-request-id': 'asked-1', 'x-ratelimit-remaining': '49' } });
    expect(JSON.parse(gone.text)).toMatchObject({ code: 'not_found', requestId: 'asked-1' });
    const other = await front.ask('/api/v1/campaigns/nothing', { from: '127.0.3.2' });
    expect(other.headers).toMatchObject({ 'x-ratelimit-remaining': '49', 'strict-transport-security': expect.any(String) as string });
  });

  it('a kept list has its mark, and is 304 for who has it', async () => {
    const list = await front.ask('/api/v1/campaigns', { from: '127.0.3.3' });
    expect(list.status).toBe(200);
    const again = await front.ask('/api/v1/campaigns', { from: '127.0.3.3', headers: { 'if-none-match': String(list.headers.etag) } });
    expect(again.status).toBe(304);
  });

  it('figures are not for who comes through it without a proof', async () => {
    expect((await front.ask('/metrics', { from: '127.0.3.4' })).status).toBe(401);
  });
});

it('the light one sends everything to the one instance that there is', async () => {
  const servers = { 'app:3000': api[0]!.port };
  const light = await startNginx({ program: toolOf('nginx'), upstreams: { file: 'docker/nginx/light.upstreams.conf', servers } });
  for (const path of ['/v1/models', '/api/v1/users/me']) expect((await light.ask(path, { from: somebody() })).status).toBe(200);
  expect(api[0]!.heard.map(({ path }) => path).slice(-2)).toEqual(['/v1/models', '/api/v1/users/me']);
  await light.stop();
});

it('What an instance is not asked for, as it has enough to do, is refused at once', async () => {
  const busy = await startOrigin('app');
  const servers = { 'app:3000': busy.port };
  const own = await startNginx({
    ...{ program: toolOf('nginx'), upstreams: { file: 'docker/nginx/light.upstreams.conf', servers } },
    ...{ trusted: 'set_real_ip_from 127.0.0.1;', tls: false },
  });
  onTestFinished(async () => {
    await own.stop();
    await busy.stop();
  });
  const held: ServerResponse[] = [];
  busy.behave((_request, response) => void held.push(response));
  const ask = (n: number) =>
    own.ask('/api/v1/users/me', { headers: { 'x-forwarded-for': `198.51.${100 + (n >> 8)}.${n & 255}`, authorization: 'Bearer x' } });
  const answered: Told[] = [];
  const all = Array.from({ length: 600 }, (_, n) => ask(n).then((told) => void answered.push(told)));
  await eventually(
    () => Promise.resolve([answered.length, held.length]),
    ([refused, waiting]) => refused === 88 && waiting === 512,
  );
  expect(answered.map(({ status, headers }) => [status, headers['retry-after']])).toEqual(Array.from({ length: 88 }, () => [503, '2']));
  for (const response of held) response.end('{}');
  await Promise.all(all);
  expect(answered.filter(({ status }) => status === 200)).toHaveLength(512);
});
