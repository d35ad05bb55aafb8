import { request } from 'node:http';
import { connect } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { toolOf } from '../support/tool-of.js';
import { startNginx, type Told } from '../support/nginx.js';
import { cutOff, startOrigin, type Origin } from '../support/origins.js';

let nginx: Awaited<ReturnType<typeof startNginx>>;
let api: Origin[];
let ai: Origin;
beforeAll(async () => {
  api = await Promise.all(['one', 'two', 'three'].map(startOrigin));
  ai = await startOrigin('ai');
  const [one, two, three] = api.map(({ port }) => port) as [number, number, number];
  nginx = await startNginx({
    program: toolOf('nginx'),
    api: [one, two, three],
    ai: ai.port,
    trusted: 'set_real_ip_from 127.0.0.9;\ndeny 127.0.0.66;',
  });
});
afterAll(async () => {
  await nginx.stop();
  await Promise.all([...api, ai].map((origin) => origin.stop()));
});
beforeEach(() => [...api, ai].forEach((origin) => origin.forget()));

/** Addresses of this machine, so that no test takes what another may ask. */
let asker = 10;
const somebody = () => `127.0.${1 + ((asker += 1) >> 8)}.${asker & 255}`;
const heardOf = (path: string) => [...api, ai].flatMap(({ heard }) => heard).filter((each) => each.path.startsWith(path));
const problemOf = ({ status, headers, text }: Told) => [status, headers['content-type'], (JSON.parse(text) as { code?: string }).code];
const PROBLEM = 'application/problem+json; charset=utf-8';

/** What is written to the door as it stands, as no client would. */
const said = (text: string) =>
  new Promise<string>((resolve, reject) => {
    const link = connect({ host: '127.0.0.1', port: nginx.port, ca: nginx.cert, checkServerIdentity: () => undefined }, () =>
      link.write(text),
    );
    let answer = '';
    link.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
    link.once('close', () => resolve(answer));
    link.once('error', reject);
  });

describe('Refused at the edge, and heard by nobody behind it', () => {
  it('are two words about the length of one body', async () => {
    const head = 'POST /api/v1/twice HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n';
    const smuggled = 'GET /api/v1/smuggled HTTP/1.1\r\nHost: edge\r\n\r\n';
    const conflicts = [
      `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      `${head}Content-Length: 0\r\nContent-Length: 47\r\n\r\n${smuggled}`,
      `${head}Content-Length: 3, 3\r\n\r\nabc`,
      `${head}Content-Length: -1\r\n\r\n`,
      `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    ];
    for (const text of conflicts) {
      const answer = await said(text);
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
      expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ code: 'bad_request', instance: '/api/v1/twice' });
    }
    expect([...heardOf('/api/v1/twice'), ...heardOf('/api/v1/smuggled')]).toEqual([]);
  });

  it.each(['get / HTTP/1.1', 'xPOST /api/v1/plans HTTP/1.1', 'GET HTTP/1.1', 'GET /api/v1/plans HTTP/9.1', '\x16\x03\x01\x02'])(
    'is what is no request, as a problem: %j',
    async (line) => {
      const answer = await said(`${line}\r\nHost: edge.test\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
      expect(answer.toLowerCase()).toContain(`content-type: ${PROBLEM}`);
      expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ status: 400, code: 'bad_request' });
    },
  );

  it('are bodies and heads that are too large, in the shape of the surface', async () => {
    const from = somebody();
    const body = Buffer.alloc(1_100_000, 'x');
    const large = { method: 'POST', body, from };
    expect(problemOf(await nginx.ask('/api/v1/large', large))).toEqual([413, PROBLEM, 'too_large']);
    expect((await nginx.ask('/v1/audio/transcriptions', large)).status).toBe(200);
    expect((await nginx.ask('/api/v1/queues/audio/jobs', large)).status).toBe(200);
    const larger = await nginx.ask('/v1/large', { method: 'POST', headers: { 'content-length': String(30_000_000) }, from });
    expect(larger.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(larger.text)).toEqual({
      error: { message: 'The body is too large', type: 'invalid_request_error', param: null, code: 'too_large' },
    });
    const heads = await nginx.ask('/api/v1/large', { headers: { 'x-much': 'x'.repeat(17_000) }, from });
    expect(problemOf(heads)).toEqual([431, PROBLEM, 'headers_too_large']);
    expect(heardOf('/api/v1/large')).toEqual([]);
  });

  it('is who asks more than ten times a second after forty at once; his neighbour, probes and banks are not', async () => {
    const from = somebody();
    const began = performance.now();
    const crowd = await Promise.all(Array.from({ length: 120 }, () => nginx.ask('/api/v1/crowd', { from })));
    const passed = crowd.filter(({ status }) => status === 200).length;
    const refused = crowd.filter(({ status }) => status === 429);
    expect(passed).toBeGreaterThanOrEqual(41);
    expect(passed).toBeLessThanOrEqual(42 + (performance.now() - began) / 100);
    expect(passed + refused.length).toBe(120);
    expect(problemOf(refused[0]!)).toEqual([429, PROBLEM, 'rate_limited']);
    expect(refused[0]!.headers).toMatchObject({ 'retry-after': '1', 'x-request-id': expect.any(String) as string });
    const others = ['/health/live', '/health/ready', '/api/v1/payments/webhooks/sandbox', '/api/v1/queues/whatsapp/webhook'];
    for (const path of others)
      expect((await Promise.all(Array.from({ length: 60 }, () => nginx.ask(path, { from })))).every(({ status }) => status === 200)).toBe(
        true,
      );
    expect((await nginx.ask('/api/v1/crowd', { from: somebody() })).status).toBe(200);
  });

  it.each([
    '/api/v1/campaigns/..%2f..%2f..%2fhealth',
    '/api/v1/x/%2e%2e%2f%2e%2e%2f%2e%2e%2fmetrics',
    '/api/v1/payments/webhooks/..%2f..%2fusers',
  ])('is who writes an address that only looks like one of a probe: %s', async (path) => {
    const from = somebody();
    const crowd = await Promise.all(Array.from({ length: 80 }, () => nginx.ask(path, { from })));
    expect(crowd.filter(({ status }) => status === 429).length).toBeGreaterThan(20);
  });

  it('are methods and codings that nobody knows, and whoever is shut out, in the shape of the surface', async () => {
    const from = somebody();
    expect(problemOf(await nginx.ask('/api/v1/traced', { method: 'TRACE', from }))).toEqual([404, PROBLEM, 'not_found']);
    expect(problemOf(await nginx.ask('/api/v1/traced', { from: '127.0.0.66' }))).toEqual([403, PROBLEM, 'forbidden']);
    const shut = await nginx.ask('/v1/traced', { from: '127.0.0.66' });
    expect([shut.status, JSON.parse(shut.text)]).toMatchObject([403, { error: { code: 'forbidden' } }]);
    const coded = await said('POST /api/v1/traced HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nTransfer-Encoding: other\r\n\r\n');
    expect(coded).toMatch(/^HTTP\/1.1 400 [^]*"code":"bad_request"/);
    expect(heardOf('/api/v1/traced')).toEqual([]);
  });
});

describe('Who asks', () => {
  const toldOf = async (from: string, headers: Record<string, string>) => {
    const path = `/api/v1/who/${from}`;
    await nginx.ask(path, { from, headers });
    return heardOf(path)[0]!.headers;
  };

  it('is the other end of the connection, whatever it says', async () => {
    const from = somebody();
    const lies = {
      'x-forwarded-for': '203.0.113.7',
      'x-real-ip': '203.0.113.7',
      forwarded: 'for=203.0.113.7',
      'x-forwarded-proto': 'http',
    };
    const heard = await toldOf(from, lies);
    expect(heard).toMatchObject({ 'x-forwarded-for': from, 'x-forwarded-proto': 'https' });
    expect(Object.keys(heard)).not.toEqual(expect.arrayContaining(['x-real-ip']));
    expect(Object.keys(heard)).not.toEqual(expect.arrayContaining(['forwarded']));
  });

  it('is whom the one named hop heard, and nobody further left', async () => {
    const heard = await toldOf('127.0.0.9', { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' });
    expect(heard['x-forwarded-for']).toBe('203.0.113.7');
  });

  it('counts a line of IPv6 as one, and each line for itself', async () => {
    const crowd = (addresses: string[]) =>
      Promise.all(addresses.map((address) => nginx.ask('/api/v1/line', { from: '127.0.0.9', headers: { 'x-forwarded-for': address } })));
    const passed = (answers: Told[]) => answers.filter(({ status }) => status === 200).length;
    const hosts = Array.from({ length: 100 }, (_none, at) => (at % 2 ? `2001:db8:5:6::${at}` : `2001:db8:5:6:1:2:3:${at}`));
    expect(passed(await crowd(hosts))).toBeLessThan(100);
    expect(passed(await crowd(hosts.slice(0, 40).map((host) => host.replace(':6:', ':7:'))))).toBe(40);
  });

  it('keeps his request id where it is safe, and gets one where it is not', async () => {
    const from = somebody();
    const kept = await nginx.ask('/api/v1/id', { from, headers: { 'x-request-id': 'mine-1' } });
    expect([kept.headers['x-request-id'], heardOf('/api/v1/id').at(-1)!.headers['x-request-id']]).toEqual(['mine-1', 'mine-1']);
    const made = await nginx.ask('/api/v1/other-id', { from, headers: { 'x-request-id': 'not "mine"' } });
    expect(made.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
    expect(heardOf('/api/v1/other-id')[0]!.headers['x-request-id']).toBe(made.headers['x-request-id']);
  });
});

describe('What changes something', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s reaches one server once, where that cuts it off', async (method) => {
    for (const origin of api) origin.behave(cutOff);
    const answer = await nginx.ask('/api/v1/change', { method, body: '{}', from: somebody() });
    expect(problemOf(answer)).toEqual([503, PROBLEM, 'dependency_down']);
    expect(answer.headers['retry-after']).toBe('2');
    expect(heardOf('/api/v1/change')).toHaveLength(1);
  });

  it('is passed on with its method and body', async () => {
    const from = somebody();
    for (const method of ['PUT', 'DELETE', 'PATCH', 'POST']) {
      const path = `/api/v1/whole/${method}`;
      expect((await nginx.ask(path, { method, body: '{"a":1}', from })).status).toBe(200);
      expect(heardOf(path)[0]).toMatchObject({ method, headers: { 'content-length': '7' } });
    }
  });
});

describe('A body that comes slowly', () => {
  /** Its head and its first letter; what it is answered, and the rest of it to be sent. */
  const begin = (method: string, path: string, from: string) => {
    const link = connect({
      ...{ host: '127.0.0.1', port: nginx.port, ca: nginx.cert, localAddress: from, checkServerIdentity: () => undefined },
    });
    const answered = new Promise<string>((resolve, reject) => link.once('error', reject).once('data', (piece) => resolve(String(piece))));
    link.write(`${method} ${path} HTTP/1.1\r\nHost: edge\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{`);
    onTestFinished(() => void link.destroy());
    return { answered, end: () => link.write('"a":1}') };
  };

  it.each(['POST', 'PUT', 'PATCH'])(
    'is passed on as it comes, so that the application has the say how long it may take: %s',
    async (method) => {
      const path = `/api/v1/slow/${method}`;
      const { answered, end } = begin(method, path, somebody());
      await expect.poll(() => heardOf(path)).toHaveLength(1);
      end();
      expect(await answered).toMatch(/^HTTP\/1.1 200 /);
      expect(heardOf(path)).toHaveLength(1);
    },
  );

  it.each(['/api/v1/queues/audio/jobs', '/v1/audio/transcriptions'])(
    'is kept until it is whole where it is a recording, sixteen at once of one client: %s',
    async (path) => {
      const from = somebody();
      const some = Array.from({ length: 17 }, () => begin('POST', path, from));
      expect(await Promise.race(some.map(({ answered }) => answered))).toMatch(
        /^HTTP\/1.1 429 [^]*retry-after: 1\r\n[^]*"code":"rate_limited"/i,
      );
      expect(heardOf(path)).toEqual([]);
      const other = begin('POST', path, somebody());
      for (const { end } of [...some, other]) end();
      const answers = await Promise.all([...some, other].map(({ answered }) => answered));
      expect(answers.filter((answer) => answer.startsWith('HTTP/1.1 200 '))).toHaveLength(17);
      expect(heardOf(path)).toHaveLength(17);
    },
  );
});

describe('Where one server fails', () => {
  it('what only reads is asked of another, and after three times it is left alone', async () => {
    // Others may have fallen out in the tests before: they come back by themselves.
    const from = somebody();
    const [bad, ...good] = api as [Origin, Origin, Origin];
    await expect
      .poll(async () => (await nginx.ask('/health/live', { from }), good.every(({ heard }) => heard.length > 0)), { timeout: 25_000 })
      .toBe(true);
    await expect.poll(async () => (await nginx.ask('/health/live', { from }), bad.heard.length > 0), { timeout: 25_000 }).toBe(true);
    bad.behave(cutOff);
    const answers = await Promise.all(Array.from({ length: 40 }, () => nginx.ask('/health/live', { from })));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const before = bad.heard.length;
    await Promise.all(Array.from({ length: 40 }, () => nginx.ask('/health/live', { from })));
    expect(bad.heard.length - before).toBeLessThanOrEqual(1);
  });
});

describe('The door', () => {
  it('speaks TLS 1.2 and 1.3 and nothing older', async () => {
    const version = (maxVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') =>
      new Promise<string | null>((resolve) => {
        const link = connect({
          host: '127.0.0.1',
          port: nginx.port,
          ca: nginx.cert,
          minVersion: 'TLSv1',
          maxVersion,
          ciphers: 'DEFAULT@SECLEVEL=0',
        });
        link.once('secureConnect', () => {
          resolve(link.getProtocol());
          link.destroy();
        });
        link.once('error', () => resolve(null));
      });
    expect(await Promise.all([version('TLSv1.1'), version('TLSv1.2'), version('TLSv1.3')])).toEqual([null, 'TLSv1.2', 'TLSv1.3']);
  });

  it('leads from plain HTTP to itself', async () => {
    const headers = await new Promise((resolve, reject) => {
      const asked = request({ port: nginx.plain, path: '/api/v1/campaigns?q=1', headers: { host: 'edge.test' } }, (answer) => {
        answer.resume();
        resolve({ status: answer.statusCode, location: answer.headers.location });
      });
      asked.once('error', reject);
      asked.end();
    });
    expect(headers).toEqual({ status: 308, location: 'https://edge.test/api/v1/campaigns?q=1' });
  });

  it('does not write down the secret part of an address, whether it can read the request or not', async () => {
    for (const origin of api) origin.behave(cutOff);
    await nginx.ask('/api/v1/payments/webhooks/pix/very-secret', { method: 'POST', from: somebody() });
    for (const path of ['/api/v1/spoilt?token=very-secret', '/./web/hook/very-secret', '/%61/very-secret'])
      await said(`POST ${path} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nContent-Length: -1\r\n\r\n`);
    const told = () => Array.from(nginx.accesses().matchAll(/"path":"([^"]*)"/g), ([, path]) => path).slice(-4);
    await expect.poll(told).toEqual(['/api/v1/payments/webhooks/pix/[hidden]', '/api/v1/spoilt', '[hidden]', '[unreadable]']);
    expect(nginx.accesses() + nginx.log()).not.toContain('very-secret');
  });
});
