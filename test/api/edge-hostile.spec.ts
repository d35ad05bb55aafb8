import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEdge } from '../support/edge.js';

let edge: Awaited<ReturnType<typeof openEdge>>;
beforeAll(async () => {
  edge = await openEdge({ BACKEND_CORS_ORIGINS: 'https://front.example', RATE_LIMIT_IP_PER_MINUTE: '1000000' });
});
afterAll(() => edge.close());

const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  edge.ask('/edge/echo', { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
const nested = (levels: number, open = '[', close = ']') => open.repeat(levels) + close.repeat(levels);

/** The first line of what the server says to this text, however it ends. */
async function statusOf(text: string | Buffer): Promise<number> {
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1');
  let said = '';
  socket.setEncoding('latin1').on('data', (part: string) => (said += part));
  socket.on('error', () => undefined);
  socket.write(text);
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(15_000) });
  await Promise.race([once(socket, 'data'), closed]);
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(said)?.[1] ?? 0);
}

describe('a body', () => {
  it.each([33, 900, 80_000])('nested %i levels deep is refused before anything reads it', async (levels) => {
    for (const body of [nested(levels), nested(levels, '{"a":', '}').replace('{"a":}', '{"a":1}')]) {
      const { status, json } = await post(body);
      expect([status, json.code]).toEqual([400, 'body_too_deep']);
    }
  });

  it('of 32 levels is read, as are brackets within strings', async () => {
    expect((await post(nested(32))).status).toBe(201);
    expect((await post(JSON.stringify({ text: `${'['.repeat(100)}\\"${'{'.repeat(100)}` }))).status).toBe(201);
  });

  it('of more than 10,000 names is refused before anything reads it, and of as many is read', async () => {
    const named = (many: number) => `{"all":[${Array.from({ length: many - 1 }, (_, n) => `{"k${n}":1}`).join()}]}`;
    const { status, json } = await post(named(10_001));
    expect([status, json.code]).toEqual([400, 'too_many_fields']);
    expect((await post(named(10_000))).status).toBe(201);
    expect((await post(JSON.stringify({ text: ':'.repeat(20_000) }))).status).toBe(201);
  });

  it('that is packed is not unpacked', async () => {
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(50_000_000)));
    const { status, json } = await post(bomb, { 'content-encoding': 'gzip' });
    expect([status, json.code]).toEqual([415, 'unsupported_type']);
  });

  it('of JSON under a foreign type, or a cut multipart, is not read', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded; boundary=x',
      'multipart/form-data; boundary=x',
      'application/jsonp',
      'application/json; charset=utf-16',
    ])
      expect([type, (await post('{"a": 1}', { 'content-type': type })).json.code]).toEqual([type, 'unsupported_type']);
    expect(
      (await post('--x\r\nContent-Disposition: form-data; name="a"', { 'content-type': 'multipart/form-data; boundary=x' })).status,
    ).toBe(415);
  });

  it('of JSON that is not UTF-8 is refused, not mended, and other parameters of its type do not matter', async () => {
    const { status, json } = await post(Uint8Array.from([...Buffer.from('{"a":"'), 0xff, 0xfe, ...Buffer.from('"}')]));
    expect([status, json.code]).toEqual([400, 'malformed_json']);
    for (const type of ['application/json; profile="x"', 'application/json;charset="UTF-8"; v=1'])
      expect([type, (await post('{"a": 1}', { 'content-type': type })).status]).toEqual([type, 201]);
  });

  it('that is coded on its way is not read', async () => {
    const head = 'POST /edge/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: gzip, chunked\r\n\r\n';
    expect(await statusOf(`${head}2\r\n{}\r\n0\r\n\r\n`)).toBe(415);
  });

  it('that never ends is cut off at its bound', async () => {
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const head = 'POST /edge/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await statusOf(head + chunk.repeat(40))).toBe(413);
  });
});

describe('a request', () => {
  it('with ten thousand query parameters, or 64 KB of headers, costs no more than a refusal', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `a${index}=1`).join('&');
    expect([400, 404, 414, 431]).toContain(await statusOf(`GET /nowhere?${many} HTTP/1.1\r\nHost: a\r\n\r\n`));
    expect(await statusOf(`GET /nowhere HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(65_536)}\r\n\r\n`)).toBe(431);
  });

  it.each(['TRACE', 'PROPFIND', 'CONNECT', 'LOCK'])('with the method %s finds nothing', async (method) => {
    expect([400, 404, 405, 0]).toContain(await statusOf(`${method} /edge/guarded HTTP/1.1\r\nHost: a\r\n\r\n`));
  });

  it.each([
    '/edge/guarded',
    '//edge/guarded',
    '/edge//guarded',
    '/edge/guarded/',
    '/%65dge/guarded',
    '/edge%2fguarded',
    '/edge/./guarded',
    '/x/../edge/guarded',
    '/EDGE/GUARDED',
    '/edge/guarded;a=1',
    '/edge/guarded%00',
    '/edge/guarded?access=public',
    'http://a/edge/guarded',
    'http://localhost//edge/guarded',
  ])('never passes a guard by another way of writing its path: %s', async (path) => {
    expect([400, 401, 404]).toContain(await statusOf(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`));
  });

  it('to an address that cannot be read is counted and answered like any other', async () => {
    const headers = { origin: 'https://front.example' };
    for (const path of ['/%ff', '/edge/echo%00', `/${'a'.repeat(12_000)}`]) {
      const answer = await edge.ask(path, { headers });
      expect([400, 404]).toContain(answer.status);
      expect(answer.headers.get('x-ratelimit-limit')).toBe('1000000');
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://front.example');
      expect(answer.json.instance).toBe(path);
    }
  });

  it('with line breaks in a header does not write headers of ours', async () => {
    const answer = await edge.ask('/nowhere%0d%0aSet-Cookie:%20a=b');
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect(answer.status).toBe(404);
  });
});

describe('every answer', () => {
  it.each(['/health/live', '/nowhere', '/edge/guarded', '/edge/fail?how=secret'])('guards the browser: %s', async (path) => {
    const { headers } = await edge.ask(path);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('allows only the web origins of the configuration', async () => {
    const from = async (origin: string, method = 'GET') =>
      (
        await edge.ask('/health/live', {
          method,
          headers: { origin, ...(method === 'OPTIONS' ? { 'access-control-request-method': 'GET' } : {}) },
        })
      ).headers;
    expect((await from('https://front.example')).get('access-control-allow-origin')).toBe('https://front.example');
    expect((await from('https://front.example', 'OPTIONS')).get('access-control-allow-origin')).toBe('https://front.example');
    for (const origin of ['https://evil.example', 'https://front.example.evil.example', 'null'])
      expect((await from(origin)).get('access-control-allow-origin')).toBeNull();
  });
});

describe('slow clients', () => {
  it('by the hundred, in headers and in bodies, do not keep others waiting', async () => {
    const port = Number(new URL(edge.url).port);
    const slow = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        socket.write(index % 2 ? 'GET /health/live HTTP/1.1\r\nHo' : 'POST /edge/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{');
        return socket;
      }),
    );
    for (let round = 0; round < 20; round += 1) expect((await edge.ask('/health/live')).status).toBe(200);
    for (const socket of slow) socket.destroy();
  });

  it('tells browsers which methods they may use, and any other OPTIONS is like a path that is not there', async () => {
    const headers = {
      origin: 'https://front.example',
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'authorization',
    };
    const preflight = await edge.ask('/edge/echo', { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH');
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization');
    expect(preflight.headers.get('x-request-id')).not.toBeNull();
    const other = await edge.ask('/edge/echo', { method: 'OPTIONS' });
    expect([other.status, other.json.code]).toEqual([404, 'not_found']);
  });

  it('calls NUL a fault of the question, in the address and in what is stored', async () => {
    expect((await edge.ask('/edge/fail?how=%00')).status).toBe(400);
    const stored = await edge.ask(`/edge/sql?ask=${encodeURIComponent(String.raw`SELECT E'\x00'`)}`);
    expect([stored.status, stored.json.code]).toEqual([422, 'validation_failed']);
  });

  it.each(['/v1', '/v1/nowhere', '//v1/nowhere', '/v1?x=1'])('is refused in the shape of OpenAI at %s', async (path) => {
    const { status, json } = await edge.ask(path);
    expect([status, Object.keys(json)]).toEqual([404, ['error']]);
  });

  it('is refused in our own shape beside it', async () => {
    expect((await edge.ask('/v10/models')).json.code).toBe('not_found');
  });
});
