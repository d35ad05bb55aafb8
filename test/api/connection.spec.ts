import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { within } from '../../src/kernel/waiting.js';
import { openEdge } from '../support/edge.js';
import { eventually } from '../support/lab.js';

let edge: Awaited<ReturnType<typeof openEdge>>;
beforeAll(async () => {
  edge = await openEdge();
});
afterAll(() => edge.close());

let clients = 0;
const nextId = () => `connection-${(clients += 1)}`;

/** What was logged of a request, once that is all. */
const toldOf = (id: string) =>
  eventually(
    async () => edge.lines.filter(({ requestId }) => requestId === id),
    (lines) => lines.some(({ msg }) => msg === 'request'),
  );

const socketTo = () => {
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  return socket;
};

/** All that the server says to this, until it ends the connection. */
async function answerTo(text: string): Promise<string> {
  const socket = socketTo();
  let said = '';
  socket.setEncoding('latin1').on('data', (part: string) => (said += part));
  socket.write(text);
  // Also where the server cuts it off, which is a fault to whoever still sends.
  await within(15_000, 'the server', new Promise((resolve) => socket.once('close', resolve)));
  return said;
}

const bodies = [
  'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":',
  'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
];
const begun = (id: string, path: string, rest: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n${rest}`;

/** Until the body of this request is being read. */
const arrived = () =>
  eventually(
    () => new Promise<number>((resolve) => edge.app.getHttpServer().getConnections((_fault, count) => resolve(count))),
    (count) => count > 0,
  );

describe.each(bodies)('a body that is not sent to its end: %j', (body) => {
  const paths = ['/edge/echo', '/nowhere', '/v1/nowhere'];

  it.each(['destroy', 'resetAndDestroy'] as const)(
    'is a line of the log and no fault of ours where the client goes away: %s',
    async (leave) => {
      for (const path of paths) {
        const id = nextId();
        const socket = socketTo();
        await once(socket, 'connect');
        socket.write(begun(id, path, body));
        await arrived();
        socket[leave]();
        expect(await toldOf(id)).toMatchObject([{ level: 'info', msg: 'request', status: 499 }]);
      }
    },
  );

  it('nor where it is too slow, which it is told', async () => {
    const server: Server = edge.app.getHttpServer();
    const { requestTimeout, headersTimeout } = server;
    Object.assign(server, { requestTimeout: 500, headersTimeout: 500 });
    const answers = await Promise.all(
      paths.map(async (path) => {
        const id = nextId();
        return { id, said: await answerTo(begun(id, path, body)) };
      }),
    );
    Object.assign(server, { requestTimeout, headersTimeout });
    for (const { id, said } of answers) {
      expect(said).toMatch(/^HTTP\/1\.1 408 .*"code":"too_slow"/s);
      expect(said.toLowerCase()).toContain(`x-request-id: ${id}`);
      expect(await toldOf(id)).toMatchObject([{ level: 'info', msg: 'request', status: 408 }]);
    }
    expect(answers[2]?.said).toContain('{"error":{');
  });
});

it('a body that is none any more is answered and logged under the id of its request', async () => {
  const id = nextId();
  expect(await answerTo(begun(id, '/edge/echo', `${bodies[1]}zz\r\n`))).toMatch(/^HTTP\/1\.1 400 .*"code":"bad_request"/s);
  expect(await toldOf(id)).toMatchObject([{ level: 'info', msg: 'request', status: 400 }]);
});

describe('requests sent ahead on one connection', () => {
  const ahead = (many: number) =>
    'GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(many - 1) + 'GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

  it('are answered one after another where they are some', async () => {
    expect((await answerTo(ahead(50))).match(/HTTP\/1\.1 404 /g)).toHaveLength(50);
  });

  it('cost them the connection where they are thousands', async () => {
    const counted = edge.lines.length;
    await answerTo(ahead(20_000));
    expect(edge.lines.length - counted).toBeLessThan(200);
    expect((await edge.ask('/health/live')).status).toBe(200);
  });
});

describe('what Node would answer by itself', () => {
  const odd = (id: string, line: string, more = '') => answerTo(`${line} HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n${more}\r\n`);
  const guards = [
    'X-Content-Type-Options: nosniff',
    'X-Frame-Options: DENY',
    "Content-Security-Policy: default-src 'none'",
    'Cache-Control: no-store',
  ];
  const limits = ['X-RateLimit-Limit: 100000'];

  it.each([
    ['a strange wish', 'GET /edge/sql', 417, 'Expect: banana\r\nConnection: close\r\n', []],
    ['a strange wish at an address where nothing is', 'GET /nowhere', 417, 'Expect: banana\r\nConnection: close\r\n', limits],
    ['a strange wish for the gateway', 'POST /v1/chat', 417, 'Expect: banana\r\nConnection: close\r\n', limits],
    ['a way through', 'CONNECT a:443', 404, '', limits],
  ])('is a request like any other: %s', async (_what, line, status, more, limited) => {
    const id = nextId();
    const said = await odd(id, line, more);
    expect(said).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    for (const one of [`X-Request-Id: ${id}`, 'Connection: close', ...guards, ...limited])
      expect(said.toLowerCase()).toContain(one.toLowerCase());
    expect(said.includes('{"error":{')).toBe(line.includes('/v1'));
    expect(await toldOf(id)).toMatchObject([{ level: 'info', msg: 'request', status, method: line.split(' ')[0] }]);
  });

  it.each([
    'http:///nowhere',
    'http://:80/nowhere',
    'http://[/nowhere',
    'http://a:99999/nowhere',
    'http://a:x/nowhere',
    'http://a%20b/nowhere',
    'HTTPS://256.1.1.1/nowhere',
    '/nowhere#1',
  ])('and so is an address that is none: %s', async (address) => {
    const id = nextId();
    const said = await odd(id, `GET ${address}`, 'Connection: close\r\n');
    expect(said).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json.*"code":"bad_request"/s);
    for (const one of [`X-Request-Id: ${id}`, ...guards, ...limits]) expect(said).toContain(one);
    expect(await toldOf(id)).toMatchObject([{ level: 'info', msg: 'request', status: 400 }]);
  });

  it('and so is a request for several hosts, or for none that could be', async () => {
    for (const hosts of ['Host: a\r\nHost: b', 'Host: a/b c', 'Host: <a>']) {
      const said = await answerTo(`GET /nowhere HTTP/1.1\r\n${hosts}\r\nConnection: close\r\n\r\n`);
      expect(said).toMatch(/^HTTP\/1\.1 400 .*"code":"bad_request"/s);
    }
    for (const host of ['a', 'a.example:80', '[::1]:80', '']) {
      const said = await answerTo(`GET /nowhere HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(said).toMatch(/^HTTP\/1\.1 404 /);
    }
  });

  it('but what it answers, or ignores, with right', async () => {
    expect(await odd(nextId(), 'GET /nowhere', 'Expect: 100-continue\r\nConnection: close\r\n')).toMatch(
      /^HTTP\/1\.1 100 .*HTTP\/1\.1 404 /s,
    );
    expect(await answerTo('GET /nowhere HTTP/1.0\r\nExpect: banana\r\n\r\n')).toMatch(/^HTTP\/1\.1 404 /);
  });

  it.each([
    ['no HTTP', 'word-of-secret\r\n\r\n', 400],
    ['endless headers', `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('is guarded and logged where it never became a request: %s', async (_what, text, status) => {
    const said = await answerTo(text);
    expect(said).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    for (const one of guards) expect(said).toContain(one);
    const id = /^X-Request-Id: (\S+)/m.exec(said)?.[1] ?? '';
    expect(said).toContain(`"requestId":"${id}"`);
    const [line, ...others] = await toldOf(id);
    expect(others).toEqual([]);
    expect(line).toMatchObject({ level: 'info', status });
    expect(line).not.toHaveProperty('path');
  });
});
