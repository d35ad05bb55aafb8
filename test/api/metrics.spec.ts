import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Queues } from '../../src/outbox/queues.service.js';
import { newId } from '../../src/kernel/ids.js';
import { answered, readExposition, valueOf } from '../support/exposition.js';
import { eventually } from '../support/lab.js';
import { codesOf, openPeople, type People, type Session } from '../support/people.js';

const ALLOWED = '203.0.113.9';
const STRANGER = '203.0.113.77';

let people: People;
let admin: Session;
let donor: Session;
beforeAll(async () => {
  people = await openPeople({ TRUST_PROXY: '127.0.0.1', METRICS_ALLOW: '203.0.113.8/31, 2001:db8::/32' });
  [admin, donor] = await Promise.all([people.person({ role: 'admin' }), people.person()]);
});
afterAll(() => people.close());

const get = (headers: Record<string, string> = {}, at = people) => at.ask('/metrics', { headers });
const from = (address: string, token?: string) =>
  get({ 'x-forwarded-for': address, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) });
const read = async (at = people) => readExposition((await get({}, at)).text);

async function keyFor(scopes: string[]): Promise<string> {
  const { json } = await people.send('POST', '/auth/api-keys', { name: 'watcher', scopes }, admin.accessToken);
  return json.key as string;
}

describe('nobody sees it', () => {
  it.each([
    ['x-forwarded-for', '127.0.0.1'],
    ['forwarded', 'for=127.0.0.1'],
    ['x-real-ip', '127.0.0.1'],
    ['client-ip', '127.0.0.1'],
    ['fastly-client-ip', '127.0.0.1'],
    ['x-envoy-external-address', '127.0.0.1'],
    ['cdn-loop', 'cloudflare'],
    ['x-forwarded-proto', 'https'],
    ['via', '1.1 proxy'],
  ])('on this machine, where %s says that somebody else asked', async (name, value) => {
    const told = await get({ [name]: value });
    expect(codesOf(told)).toEqual([401, 'unauthenticated']);
    expect(told.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('from elsewhere, nor with what proves nothing', async () => {
    expect(codesOf(await from(STRANGER))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await from(`${ALLOWED}, ${STRANGER}`))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await from(STRANGER, 'nothing'))).toEqual([401, 'unauthenticated']);
  });

  it('who is signed in and no admin', async () => {
    const organizer = await people.person({ role: 'organizer' });
    for (const { accessToken } of [donor, organizer]) expect(codesOf(await from(STRANGER, accessToken))).toEqual([403, 'forbidden']);
  });

  it('by a key without the scope, or one of somebody who is no admin any more', async () => {
    for (const scopes of [['read', 'write', 'ai'], ['admin']])
      expect(codesOf(await from(STRANGER, await keyFor(scopes)))).toEqual([403, 'forbidden']);
    const other = await people.person({ role: 'admin' });
    const { json } = await people.send('POST', '/auth/api-keys', { name: 'watcher', scopes: ['metrics'] }, other.accessToken);
    expect((await from(STRANGER, json.key as string)).status).toBe(200);
    await people.send('PATCH', `/users/${other.user.id}`, { role: 'donor' }, admin.accessToken);
    expect(codesOf(await from(STRANGER, json.key as string))).toEqual([403, 'forbidden']);
  });
});

describe('it is shown', () => {
  it('on this machine, to addresses that may, to admins and to their keys', async () => {
    const told = await get();
    expect([told.status, told.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(told.headers.get('cache-control')).toBe('no-store');
    for (const address of [ALLOWED, '2001:db8::7', `${STRANGER}, ${ALLOWED}`]) expect((await from(address)).status).toBe(200);
    expect((await from(STRANGER, admin.accessToken)).status).toBe(200);
    expect((await from(STRANGER, await keyFor(['metrics']))).status).toBe(200);
  });

  it('and leaves no line in the usual log, like other probes', async () => {
    await get();
    const levels = people.lines.filter(({ path }) => path === '/metrics').map(({ level }) => level);
    expect(new Set(levels)).toEqual(new Set(['debug']));
  });
});

describe('what it tells', () => {
  it('is what the format wants, of everything that was promised', async () => {
    const families = await read();
    expect([...families.keys()]).toEqual(
      expect.arrayContaining([
        ...['mutirao_build_info', 'mutirao_uptime_seconds', 'mutirao_cpu_seconds_total', 'mutirao_memory_resident_bytes'],
        ...['mutirao_gc_seconds_total', 'mutirao_event_loop_delay_seconds', 'mutirao_http_requests_in_flight', 'mutirao_processes'],
        ...['mutirao_database_connections', 'mutirao_database_connections_idle', 'mutirao_database_waiting'],
        ...['mutirao_cache_hits_total', 'mutirao_cache_family_total', 'mutirao_limits_refused_total', 'mutirao_limits_alone_total'],
        ...['mutirao_queue_jobs', 'mutirao_queue_oldest_seconds', 'mutirao_outbox_lag_seconds', 'mutirao_ai_excesses_total'],
      ]),
    );
    expect(valueOf(families, 'mutirao_processes{state="answered"}')).toBe(1);
    expect(valueOf(families, 'mutirao_memory_resident_bytes{process="1"}')).toBeGreaterThan(1e7);
    expect(valueOf(families, 'mutirao_database_connections')).toBeGreaterThan(0);
    expect(families.get('mutirao_queue_jobs')?.samples.has('mutirao_queue_jobs{queue="mail",state="waiting"}')).toBe(true);
  });

  it('counts what was asked, whoever answered it, and how long all of it took', async () => {
    const before = await read();
    for (let n = 0; n < 5; n += 1) await people.ask('/api/v1/plans');
    for (let n = 0; n < 3; n += 1) await people.ask(`/api/v1/campaigns/${newId()}`);
    for (let n = 0; n < 2; n += 1) await people.ask(`/nothing/${newId()}`);
    await people.ask('/api/v1/users', { method: 'BREW' }).catch(() => undefined);
    await people.send('GET', '/users');
    const after = await read();
    const more = (method: string, route: string, status: number) =>
      answered(after, method, route, status) - answered(before, method, route, status);
    expect(more('GET', '/api/v1/plans', 200)).toBe(5);
    expect(more('GET', '/api/v1/campaigns/:id', 404)).toBe(3);
    expect(more('GET', 'unknown', 404)).toBe(2);
    expect(more('GET', '/api/v1/users', 401)).toBe(1);
    expect(more('GET', '/metrics', 200)).toBe(1);
    const kept = (families: typeof after) =>
      valueOf(families, 'mutirao_cache_hits_total{tier="process"}') + valueOf(families, 'mutirao_cache_hits_total{tier="redis"}');
    expect(kept(after) - kept(before)).toBeGreaterThanOrEqual(3);
    const sum = valueOf(after, 'mutirao_http_request_duration_seconds_sum{method="GET",route="/api/v1/plans",status="200"}');
    expect(sum).toBeGreaterThan(0);
    expect(sum).toBeLessThan(60);
  });

  it('names routes, and nothing that somebody wrote into an address', async () => {
    const id = newId();
    for (const path of [`/api/v1/campaigns/${id}`, `/nothing/${id}?a=${id}`, `/api/v1/donations/${id}?token=${id}`, `/%00${id}`])
      await people.ask(path);
    const { text } = await get();
    expect(text).not.toMatch(/[\da-f]{8}-[\da-f]{4}-/);
    const routes = [...text.matchAll(/route="([^"]*)"/g)].map(([, route]) => route);
    expect(routes).toContain('unknown');
    expect(routes.filter((route) => route !== 'unknown' && !route?.startsWith('/'))).toEqual([]);
  });

  it('counts what limits refuse, before anything else is asked', async () => {
    const limited = await openPeople({ RATE_LIMIT_IP_PER_MINUTE: '3' });
    for (let n = 0; n < 8; n += 1) await limited.ask('/api/v1/plans');
    const families = await read(limited);
    expect(answered(families, 'GET', '/api/v1/plans', 200)).toBe(3);
    expect(answered(families, 'GET', '/api/v1/plans', 429)).toBe(5);
    expect(valueOf(families, 'mutirao_limits_refused_total')).toBe(5);
    expect(valueOf(families, 'mutirao_limits_passed_total')).toBe(3);
    await limited.close();
  });

  it('counts what was no request, and forgets what was cut off', async () => {
    const before = await read();
    const { hostname, port } = new URL(people.url);
    const say = async (text: string) => {
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      socket.write(text);
      return socket;
    };
    const strange = await say('STRANGE\r\n\r\n');
    strange.resume();
    await once(strange, 'close');
    const flying = 'mutirao_http_requests_in_flight';
    const body = 'POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{';
    const open = await Promise.all([say(body), say(body)]);
    const during = await eventually(read, (families) => valueOf(families, flying) === 3);
    expect(valueOf(during, 'mutirao_http_unreadable_total{status="400"}')).toBe(
      valueOf(before, 'mutirao_http_unreadable_total{status="400"}') + 1,
    );
    for (const socket of open) socket.destroy();
    await eventually(read, (families) => valueOf(families, flying) === 1);
  });

  it('asks the database for its queues once a second, and goes without them where it does not answer', async () => {
    const queues = people.app.get(Queues, { strict: false });
    const figures = queues.figures.bind(queues);
    let asked = 0;
    queues.figures = async () => {
      asked += 1;
      throw new Error('the database is away');
    };
    await eventually(read, (families) => !families.has('mutirao_queue_jobs'));
    await Promise.all(Array.from({ length: 5 }, () => read()));
    expect(asked).toBeLessThanOrEqual(2);
    queues.figures = figures;
    await eventually(read, (families) => families.has('mutirao_queue_jobs'));
  });
});
