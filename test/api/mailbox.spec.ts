import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { openPeople, type People } from '../support/people.js';

const path = '/ops/mailbox';
let people: People;
let admin: string;

beforeAll(async () => {
  people = await openPeople({ ENVIRONMENT: 'development' });
  admin = (await people.person({ role: 'admin' })).accessToken;
  for (const [at, status, to] of [
    ['2026-11-20 12:00', 'kept', 'ana@example.org'],
    ['2026-11-20 12:01', 'kept', 'bia@example.org'],
    ['2026-11-20 12:02', 'kept', 'ana@example.org'],
    ['2026-11-20 12:03', 'sent', null],
  ])
    await people.rows('INSERT INTO mails (id, status, at, recipient, subject, body) VALUES ($1, $2, $3, $4, $5, $5)', [
      newId(),
      status,
      `${at}+00`,
      to,
      to && `at ${at}`,
    ]);
});
afterAll(() => people.close());

const items = ({ json }: { json: Record<string, unknown> }) => json.items as Record<string, string>[];

describe('the mailbox of development', () => {
  it('is for admins only', async () => {
    expect((await people.send('GET', path)).status).toBe(401);
    for (const role of ['donor', 'organizer'] as const) {
      const { accessToken } = await people.person({ role });
      expect((await people.send('GET', path, undefined, accessToken)).status).toBe(403);
    }
  });

  it.each(['?limit=0', '?limit=101', '?limit=2.5', '?limit=many', '?limit=', '?to=a&to=b', '?page=0', '?page=1&cursor=x'])(
    'does not read %s',
    async (query) => {
      const { status, json } = await people.send('GET', `${path}${query}`, undefined, admin);
      expect([status, json.code]).toEqual([422, 'validation_failed']);
    },
  );

  it.each([
    ['in tests', { ENVIRONMENT: 'test' }],
    ['in production', { ENVIRONMENT: 'production', SECRET_KEY: 'k'.repeat(64) }],
    ['where letters are sent', { ENVIRONMENT: 'development', SMTP_URL: 'smtp://127.0.0.1:1' }],
    ['in a process of another role', { ENVIRONMENT: 'development', APP_ROLE: 'ai' }],
  ])('is not there %s', async (_where, env) => {
    const other = await openPeople(env, people);
    const { status } = await other.send('GET', path, undefined, admin);
    await other.close();
    expect(status).toBe(404);
  });

  it('shows what was kept, the newest first', async () => {
    const answer = await people.send('GET', path, undefined, admin);
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ nextCursor: null, total: 3, page: 1, limit: 20 });
    expect(items(answer).map(({ to, at }) => [to, at])).toEqual([
      ['ana@example.org', '2026-11-20T12:02:00.000Z'],
      ['bia@example.org', '2026-11-20T12:01:00.000Z'],
      ['ana@example.org', '2026-11-20T12:00:00.000Z'],
    ]);
    expect(Object.keys(items(answer)[0]!).sort()).toEqual(['at', 'id', 'subject', 'text', 'to']);
  });

  it('shows as many as asked for, and those to one whole address', async () => {
    expect(items(await people.send('GET', `${path}?limit=1`, undefined, admin))).toHaveLength(1);
    expect(items(await people.send('GET', `${path}?to=ana@example.org&limit=100`, undefined, admin))).toHaveLength(2);
    expect(items(await people.send('GET', `${path}?to=example.org`, undefined, admin))).toEqual([]);
  });
});
