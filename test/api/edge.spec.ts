import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problems, type ProblemCode } from '../../src/kernel/problems.js';
import { openEdge } from '../support/edge.js';
import type { Failure } from '../support/edge.module.js';
import { eventually } from '../support/lab.js';

let edge: Awaited<ReturnType<typeof openEdge>>;
beforeAll(async () => {
  edge = await openEdge({ RATE_LIMIT_IP_PER_MINUTE: '0' });
});
afterAll(() => edge.close());

type Answer = Awaited<ReturnType<typeof edge.ask>>;
const fail = (how: Failure) => edge.ask(`/edge/fail?how=${how}`);
const post = (body: string, type = 'application/json') =>
  edge.ask('/edge/echo', { method: 'POST', body, headers: { 'content-type': type } });

/** The whole shape, so that nothing else can be in it. */
function expectProblem(answer: Answer, status: number, code: string, instance: string) {
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.json).toEqual({
    type: `https://mutirao.dev/problems/${code.replaceAll('_', '-')}`,
    title: expect.stringMatching(/^[A-Z]/) as string,
    status,
    code,
    detail: expect.stringMatching(/^[A-Z]/) as string,
    instance,
    requestId: answer.headers.get('x-request-id'),
  });
  expect(answer.json.requestId).toMatch(/^[\w-]{36}$/);
  expect(answer.headers.get('retry-after')).toBe(status === 503 ? '5' : null);
  expect(answer.text).not.toMatch(/word-of|node_modules|\.[jt]s\b|10\.1\.2\.3|stack/);
}

/** What a client says that does not speak HTTP as fetch does. */
async function raw(text: string): Promise<{ head: string; json: Record<string, unknown> }> {
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1');
  let said = '';
  socket.setEncoding('utf8').on('data', (part: string) => (said += part));
  socket.write(text);
  await once(socket, 'close', { signal: AbortSignal.timeout(15_000) });
  const [head = '', body = ''] = said.split('\r\n\r\n');
  return { head, json: JSON.parse(body) as Record<string, unknown> };
}

describe('a fault becomes a problem', () => {
  it('at an address where nothing is, whatever the method', async () => {
    expectProblem(await edge.ask('/nowhere?secret=word-of-query'), 404, 'not_found', '/nowhere');
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
      expectProblem(await edge.ask('/edge/sql', { method }), 404, 'not_found', '/edge/sql');
    expect((await edge.ask('/nowhere', { method: 'HEAD' })).status).toBe(404);
  });

  it.each(['/%00', '/%ff', '/%', '/%zz', '/edge/%c0%af', '//', '/../..%2f', '/edge/fail/%2e%2e', `/${'a/'.repeat(200)}`])(
    'at an address that cannot be read: %s',
    async (path) => {
      const { status, headers, json } = await edge.ask(path);
      expect([400, 404]).toContain(status);
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(json).toMatchObject({ status, requestId: headers.get('x-request-id') });
      expect(json.requestId).toMatch(/^[\w-]{36}$/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      await eventually(
        async () => edge.lines.filter(({ msg, requestId }) => msg === 'request' && requestId === json.requestId),
        (lines) => lines.length === 1,
      );
    },
  );

  it.each(['/unreadable', '/not%20readable', '/[unreadable]'])('but not where it only says so: %s', async (path) => {
    expectProblem(await edge.ask(path), 404, 'not_found', path);
  });

  it.each(['{"a":', '{a:1}', '', 'null,', '{"__proto__": {"admin": true}}'])('for a body that is not valid JSON: %s', async (body) => {
    expectProblem(await post(body), 400, 'malformed_json', '/edge/echo');
  });

  it('for fields that are missing, wrong or nobody asked for, each by its path', async () => {
    const send = async (body: unknown) => {
      const { status, json } = await edge.ask('/edge/gifts', {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      });
      return {
        status,
        code: json.code,
        type: json.type,
        detail: json.detail,
        paths: (json.errors as { path: string }[] | undefined)?.map(({ path }) => path),
      };
    };
    const refused = { status: 422, code: 'validation_failed', type: 'https://mutirao.dev/problems/validation' };
    expect(await send({})).toEqual({ ...refused, detail: '1 field is not valid', paths: ['amountCents'] });
    expect(await send({ amountCents: '100' })).toMatchObject({ ...refused, paths: ['amountCents'] });
    expect(await send({ amountCents: 100, role: 'admin', 'a.b': 1 })).toEqual({
      ...refused,
      detail: '2 fields are not valid',
      paths: ['role', 'a.b'],
    });
    expect(await send({ amountCents: 1, donor: { name: 'Ana', id: 1 } })).toMatchObject({ ...refused, paths: ['amountCents', 'donor.id'] });
    const many = await send(Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`${'k'.repeat(100)}${n}`, n])));
    expect([many.status, many.paths?.length, many.detail]).toEqual([422, 50, '5001 fields are not valid']);
    expect(await send({ amountCents: 100 })).toMatchObject({ status: 201 });
  });

  it('in words that say how a field should be', async () => {
    const words = async (body: unknown) => {
      const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
      const { json } = await edge.ask('/edge/gifts', init);
      return (json.errors as { message: string }[]).map(({ message }) => message);
    };
    expect(await words({})).toEqual(['is missing']);
    expect(await words({ amountCents: 100, donor: {} })).toEqual(['is missing']);
    expect(await words({ amountCents: 99 })).toEqual(['must be at least 100']);
    expect(await words({ amountCents: '100' })).toEqual(['must be a number']);
    expect(await words({ amountCents: 100, donor: [] })).toEqual(['must be an object']);
    expect(await words({ amountCents: 100, donor: { name: 5 } })).toEqual(['must be a text']);
    expect(await words([])).toEqual(['must be an object']);
  });

  it('for what an address asks, which is read as what it should be', async () => {
    for (const wrong of ['0', '101', 'ten', '1.5']) {
      const { status, json } = await edge.ask(`/edge/gifts?limit=${wrong}`);
      expect([status, json.errors]).toEqual([422, [expect.objectContaining({ path: 'limit' })]]);
    }
    expect((await edge.ask('/edge/gifts?limit=7&nobody=asked')).json).toEqual({ limit: 7 });
    expect((await edge.ask('/edge/gifts')).json).toEqual({ limit: 20 });
  });

  it('for a body that is too large, told or not', async () => {
    const tooMuch = JSON.stringify('x'.repeat(1_048_577));
    expectProblem(await post(tooMuch), 413, 'too_large', '/edge/echo');
    const untold = new Blob([tooMuch]).stream();
    const init = { method: 'POST', body: untold, duplex: 'half', headers: { 'content-type': 'application/json' } } as const;
    expectProblem(await edge.ask('/edge/echo', init), 413, 'too_large', '/edge/echo');
    expect((await post(JSON.stringify('x'.repeat(1_000_000)))).status).toBe(201);
  });

  it.each(['application/xml', 'text/html', 'nonsense', 'application/json; charset="'])(
    'for a content type that is not read: %s',
    async (type) => {
      const answer = await post('<a/>', type);
      expect([400, 415]).toContain(answer.status);
      expect(answer.json).toMatchObject({ status: answer.status, requestId: answer.headers.get('x-request-id') });
    },
  );

  it.each(['secret', 'word', 'nothing', 'upstream', 'gateway'] as const)('of one kind where nobody knows it: %s', async (how) => {
    expectProblem(await fail(how), 500, 'internal_error', '/edge/fail');
  });

  it('that shows neither statement nor table, and is found in the log under its id', async () => {
    const answer = await edge.ask(`/edge/sql?ask=${encodeURIComponent(`SELECT 'word-of-sql' FROM nowhere`)}`);
    expectProblem(answer, 500, 'internal_error', '/edge/sql');
    expect(edge.lines).toContainEqual(expect.objectContaining({ msg: 'request failed', requestId: answer.json.requestId }));
  });

  it.each(['redis', 'socket', 'wrapped'] as const)('that asks to come again where a part is down: %s', async (how) => {
    expectProblem(await fail(how), 503, 'dependency_down', '/edge/fail');
  });

  it.each([
    ['storage_full', '53100'],
    ['overloaded', '55P03'],
    ['overloaded', '40P01'],
    ['dependency_down', '57P03'],
    ['internal_error', '23505'],
  ])('%s where the database says %s', async (code, state) => {
    const ask = `DO $$ BEGIN RAISE EXCEPTION 'word-of-sql' USING ERRCODE = '${state}'; END $$`;
    const answer = await edge.ask(`/edge/sql?ask=${encodeURIComponent(ask)}`);
    expectProblem(answer, code === 'internal_error' ? 500 : 503, code, '/edge/sql');
  });

  it('in its own words where the feature chose them, without those of a library', async () => {
    const refusal = await fail('refusal');
    expectProblem(refusal, 404, 'not_found', '/edge/fail');
    expect(refusal.json.detail).toBe('No such thing.');
    expectProblem(await fail('http'), 400, 'bad_request', '/edge/fail');
    expectProblem(await fail('teapot'), 400, 'bad_request', '/edge/fail');
  });

  it('never in the middle of an answer: that ends at once', async () => {
    await expect(edge.ask('/edge/torn')).rejects.toThrow();
  });

  it.each([
    ['no HTTP', 'word-of-secret\r\n\r\n', 400, 'bad_request'],
    ['a folded header', 'GET /health/live HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\n b: c\r\n\r\n', 400, 'bad_request'],
    ['two lengths', 'POST /edge/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400, 'bad_request'],
    ['endless headers', `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['a way through', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 404, 'not_found'],
    ['a strange wish', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: banana\r\nConnection: close\r\n\r\n', 417, 'expectation_failed'],
    ['no host', 'GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'bad_request'],
  ])('for what never becomes a request: %s', async (_what, text, status, code) => {
    const { head, json } = await raw(text);
    const id = /x-request-id: (\S+)/i.exec(head)?.[1];
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} .*application/problem\\+json`, 's'));
    expect(problems[code as ProblemCode].status).toBe(status);
    expect(json).toMatchObject({ status, code, requestId: id });
    expect(JSON.stringify(json)).not.toContain('word-of');
  });
});

describe('a request id', () => {
  const idOf = async (path: string, given: string, init: RequestInit = {}) =>
    (await edge.ask(path, { ...init, headers: { 'x-request-id': given } })).headers.get('x-request-id');

  it.each([
    '',
    ' ',
    'a b',
    'x'.repeat(65),
    '<script>',
    'a,b',
    `'; DROP TABLE outbox; --`,
    '%0d%0aSet-Cookie:a',
    '{"a":1}',
    '\u00e9',
    '../../etc',
    '$(id)',
  ])('is replaced where it is not safe: %j', async (given) => {
    for (const path of ['/health/live', '/nowhere', '/%ff', '/edge/fail?how=secret']) {
      const id = await idOf(path, given);
      expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    }
  });

  it('is replaced where two were given', async () => {
    const { head } = await raw('GET /nowhere HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\nX-Request-Id: b\r\nConnection: close\r\n\r\n');
    expect(/x-request-id: (\S+)/i.exec(head)?.[1]).toHaveLength(36);
  });

  it.each(['a', 'x'.repeat(64), '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b', 'app.web:17_2'])(
    'is kept on every answer where it is safe: %s',
    async (given) => {
      for (const path of ['/health/live', '/health', '/nowhere', '/%ff', '/edge/fail?how=secret'])
        expect(await idOf(path, given)).toBe(given);
      const answer = await edge.ask('/nowhere', { headers: { 'x-request-id': given } });
      expect(answer.json.requestId).toBe(given);
    },
  );

  it('differs from request to request', async () => {
    const ids = await Promise.all(Array.from({ length: 50 }, async () => (await edge.ask('/health/live')).headers.get('x-request-id')));
    expect(new Set(ids).size).toBe(50);
  });
});
