import type { OutgoingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { API, bearer, BOARD, boardOf, cookieIn, here, LOGIN, page } from '../support/board.js';
import { eventually } from '../support/lab.js';
import { openPeople, type People, type Session } from '../support/people.js';

let people: People;
let board: ReturnType<typeof boardOf>;
let admin: Session;
let donor: Session;
beforeAll(async () => {
  people = await openPeople();
  board = boardOf(people);
  [admin, donor] = [await people.person({ role: 'admin' }), await people.person()];
});
afterAll(() => people.close());

const shown = (text: string) => /__UI_CONFIG__|"queues"|Tickets \(read only\)/.test(text);

const addresses = [
  ...[BOARD, `${BOARD}/`, `${BOARD}?x=1`, API, `${API}?activeQueue=mail`, `${API}/mail/1`, `${BOARD}/api/redis/stats`],
  ...[`${BOARD}/queue/mail`, `${BOARD}/queue/mail/1`, `${BOARD}/metrics-history`, `${BOARD}/static/favicon-32x32.png`],
  ...[
    '//admin/queues',
    '/admin//queues',
    '/%61dmin/queues',
    '/admin/%71ueues',
    '/admin/queues%2f',
    '/admin/queues/..%2f',
    '/admin/queues/%2e%2e/queues',
  ],
  ...[
    '/admin/./queues',
    '/x/../admin/queues',
    '/admin/queues;x',
    '/admin/queues/;x',
    '/ADMIN/queues',
    '/Admin/Queues/api/queues',
    '/admin/queues\\',
    '/admin\\queues',
  ],
  ...[
    'http://127.0.0.1/admin/queues',
    'http://evil.example/admin/queues/api/queues',
    'HTTP://x@y//admin/queues',
    'https://x/admin/queues?login',
  ],
  ...[`${LOGIN}/../api/queues`, `${LOGIN}%2f..%2fapi%2fqueues`, `${BOARD}/static/../api/queues`, `${BOARD}/static/..%2f..%2fpackage.json`],
  ...[`${BOARD}/static/%2e%2e/index.ejs`, `${BOARD}/static/`, `${API}/`, `${API}//`, `${API}%00`, `${BOARD}/index.ejs`],
];

describe('the board is shown to nobody but admins', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])('however the address is written: %s', async (method) => {
    const proofs: OutgoingHttpHeaders[] = [{}, page, bearer(donor), { authorization: 'Bearer x' }, { cookie: 'mutirao_admin=x' }];
    for (const path of addresses)
      for (const headers of proofs) {
        const { status, text } = await board.ask(path, { method, headers: { ...here, ...headers } });
        expect([path, status]).not.toEqual([path, 200]);
        expect(status, path).toBeLessThan(500);
        expect(shown(text), path).toBe(false);
      }
  });

  it('and sends to the page of signing in only who looks with a browser', async () => {
    for (const path of [BOARD, `${BOARD}/`, `${BOARD}/queue/mail`]) {
      const sent = await board.ask(path, { headers: page });
      expect([sent.status, sent.headers.location, sent.text]).toEqual([303, LOGIN, '']);
      expect((await board.ask(path)).code).toBe('unauthenticated');
      expect((await board.ask(path, { method: 'HEAD', headers: page })).status).toBe(401);
      expect((await board.ask(path, { headers: { ...page, authorization: 'Bearer x' } })).code).toBe('unauthenticated');
    }
    for (const path of [API, `${BOARD}/static/favicon-32x32.png`, `${BOARD}/api/redis/stats`])
      expect([(await board.ask(path, { headers: { accept: '*/*' } })).code, path]).toEqual(['unauthenticated', path]);
  });

  it('nor to donors and organizers, whatever they show', async () => {
    const organizer = await people.person({ role: 'organizer' });
    for (const person of [donor, organizer]) {
      for (const path of [BOARD, API, `${BOARD}/static/favicon-32x32.png`])
        expect((await board.ask(path, { headers: { ...page, ...bearer(person) } })).code).toBe('forbidden');
      const { status, headers, text } = await board.signIn(person.user.email);
      expect([status, cookieIn(headers)]).toEqual([403, '']);
      expect(text).toContain('This is for admins only.');
    }
    const open = await people.rows('SELECT FROM sessions WHERE user_id = $1 AND ended_at IS NULL', [donor.user.id]);
    expect(open).toHaveLength(1);
  });

  it('nor to keys that are not for admins', async () => {
    const keyOf = async (...scopes: string[]) => {
      const { json } = await people.send('POST', '/auth/api-keys', { name: 'k', scopes }, admin.accessToken);
      return { authorization: `Bearer ${String(json.key)}` };
    };
    expect((await board.ask(API, { headers: await keyOf('read', 'write', 'ai', 'metrics') })).code).toBe('forbidden');
    expect((await board.ask(API, { headers: await keyOf('admin') })).status).toBe(200);
  });

  it('nor to cookies that are forged, over, or of another kind', async () => {
    const cookie = await board.cookieOf(admin);
    const [name = '', value = ''] = cookie.split('=');
    const [sessionId = '', ends = '', proof = ''] = value.split('.');
    const changed = proof.startsWith('A') ? `B${proof.slice(1)}` : `A${proof.slice(1)}`;
    const forged = [
      ...[
        `${sessionId}.${ends}.${changed}`,
        `${sessionId}.${Number(ends) + 1}.${proof}`,
        `${newId()}.${ends}.${proof}`,
        `${sessionId}.${ends}.`,
      ],
      ...[
        `${sessionId}.${ends}`,
        `${sessionId}..${proof}`,
        `${sessionId}.0${ends}.${proof}`,
        `${value}x`,
        admin.accessToken,
        admin.refreshToken,
        '',
      ],
    ];
    for (const value of forged)
      expect([(await board.ask(API, { headers: { cookie: `${name}=${value}` } })).code, value]).toEqual(['unauthenticated', value]);
    for (const cookie of [`x${name}=${value}`, `${name.toUpperCase()}=${value}`, `"${name}=${value}"`])
      expect([(await board.ask(API, { headers: { cookie } })).code, cookie]).toEqual(['unauthenticated', cookie]);
    expect((await board.ask(API, { headers: { cookie: `a=1; ${cookie}; b=2` } })).status).toBe(200);
    // It opens nothing else.
    expect((await board.ask('/api/v1/queues', { headers: { cookie } })).code).toBe('unauthenticated');
    expect((await board.ask('/api/v1/queues', { headers: { authorization: `Bearer ${value}` } })).code).toBe('unauthenticated');
  });

  it('and even they find nothing to change, and no file but those of the page', async () => {
    const headers = { ...here, ...bearer(admin) };
    const changes = [
      'mail/pause',
      'mail/resume',
      'mail/empty',
      'mail/obliterate',
      'mail/retry/failed',
      'mail/add',
      'mail/1/retry',
      'pause',
    ];
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      for (const path of changes) expect([(await board.ask(`${API}/${path}`, { method, headers })).status, path]).toEqual([404, path]);
    const files = ['..%2f..%2fpackage.json', '%2e%2e/index.ejs', '..%5c..%5cpackage.json', '../index.ejs', '', 'js', '.', '%00'];
    for (const file of files) expect([(await board.ask(`${BOARD}/static/${file}`, { headers })).status, file]).not.toEqual([200, file]);
  });
});

describe('the board', () => {
  it('shows the queues, read only, to a cookie and to a token', async () => {
    for (const headers of [bearer(admin), { cookie: await board.cookieOf(admin) }]) {
      const { status, text } = await board.ask(API, { headers });
      expect(status).toBe(200);
      const { queues } = JSON.parse(text) as { queues: { name: string; readOnlyMode: boolean; description: string }[] };
      expect(queues.map(({ name }) => name)).toEqual(expect.arrayContaining(['mail', 'whatsapp', 'campaigns']));
      expect(queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true);
      expect(queues[0]?.description).toContain('GET /api/v1/queues');
    }
  });

  it('loads nothing from elsewhere', async () => {
    const headers = { ...page, ...bearer(admin) };
    for (const path of [BOARD, `${BOARD}/`, `${BOARD}/queue/mail`]) {
      const { status, text, headers: told } = await board.ask(path, { headers });
      expect(status).toBe(200);
      expect(text).toContain('Tickets (read only)');
      expect([...text.matchAll(/(?:src|href)="([^"]*)"/g)].filter(([, to]) => /^(?:\w+:)?\/\//.test(to ?? ''))).toEqual([]);
      expect(told['content-security-policy']).toMatch(
        /default-src 'none'; script-src 'self';.*connect-src 'self';.*frame-ancestors 'none'/,
      );
      expect(told['content-security-policy']).not.toMatch(/https?:|\*|unsafe-eval/);
      for (const [, asset = ''] of text.matchAll(/(?:src|href)="(static\/[^"]*)"/g)) {
        expect([(await board.ask(`${BOARD}/${asset}`, { headers })).status, asset]).toEqual([200, asset]);
        expect([(await board.ask(`${BOARD}/${asset}`)).status, asset]).toEqual([401, asset]);
      }
    }
  });

  it('shows the same in a process that does the jobs', async () => {
    const whole = await openPeople({ APP_ROLE: 'all' }, people);
    const { status, text } = await eventually(
      () => board.ask(API, { headers: bearer(admin), at: whole }),
      (answer) => answer.status !== 503,
    );
    expect(status).toBe(200);
    expect(text).toContain('"name":"mail"');
    await whole.close();
  });

  it('waits for no Redis that is frozen or away, and finds it again', async () => {
    const { redis } = people.install;
    const headers = bearer(admin);
    redis.freeze();
    for (let n = 0; n < 5; n += 1) {
      const { code, headers: told } = await board.ask(API, { headers });
      expect([code, Number(told['retry-after']) > 0]).toEqual(['dependency_down', true]);
    }
    redis.thaw();
    await eventually(
      () => board.ask(API, { headers }),
      ({ status }) => status === 200,
    );
    await redis.kill();
    const fresh = await openPeople({}, people);
    for (const at of [people, fresh]) {
      expect(
        (
          await eventually(
            () => board.ask(API, { headers, at }),
            ({ code }) => code !== 'overloaded',
          )
        ).code,
      ).toBe('dependency_down');
      expect((await board.ask(BOARD, { headers: { ...page, ...headers }, at })).status).toBe(200);
    }
    await redis.start();
    for (const at of [people, fresh])
      await eventually(
        () => board.ask(API, { headers, at }),
        ({ status }) => status === 200,
      );
    await fresh.close();
  });
});
