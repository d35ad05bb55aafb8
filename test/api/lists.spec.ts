import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { openPeople, type People, type Session } from '../support/people.js';

let people: People;
let admin: Session;
beforeAll(async () => {
  people = await openPeople({ ENVIRONMENT: 'development' });
  admin = await people.person({ role: 'admin' });
  await Promise.all([people.signIn(admin.user.email), people.signIn(admin.user.email)]);
  for (const name of ['a', 'b', 'c']) {
    await people.send('POST', '/auth/api-keys', { name }, admin.accessToken);
    await people.rows(`INSERT INTO mails (id, status, at, recipient, subject, body) VALUES ($1, 'kept', now(), $2, $3, $3)`, [
      newId(),
      'ana@example.org',
      name,
    ]);
  }
});
afterAll(() => people.close());

const get = (path: string, as = admin) => people.send('GET', path, undefined, as.accessToken);
const idsOf = ({ json }: Awaited<ReturnType<typeof get>>) => (json.items as { id: string }[]).map(({ id }) => id);
const codesOf = ({ status, json }: Awaited<ReturnType<typeof get>>) => [status, json.code];

describe.each(['/auth/sessions', '/auth/api-keys', '/plans', '/ops/mailbox?to=ana@example.org'])('The list at %s', (path) => {
  const at = (query: string) => get(`${path}${path.includes('?') ? '&' : '?'}${query}`);

  it.each(['limit=0', 'limit=101', 'limit=x', 'limit=1&limit=2', `cursor=${'x'.repeat(601)}`])('is not asked by %s', async (query) => {
    expect(codesOf(await at(query))).toEqual([422, 'validation_failed']);
  });

  it('goes on only with a cursor of its own', async () => {
    const { json } = await at('limit=1');
    const other = await get('/users?limit=1');
    for (const cursor of ['x', `${String(json.nextCursor)}x`, String(other.json.nextCursor)])
      expect(codesOf(await at(`cursor=${cursor}`))).toEqual([422, 'cursor_not_valid']);
  });

  it('is the same in parts as in one, to its end', async () => {
    const whole = await get(path);
    expect([whole.status, whole.json.nextCursor, idsOf(whole).length]).toEqual([200, null, 3]);
    const parts: string[] = [];
    let cursor: string | null | undefined;
    for (let n = 0; n < 3; n += 1) {
      const part = await at(cursor ? `limit=1&cursor=${cursor}` : 'limit=1');
      expect(idsOf(part)).toHaveLength(1);
      parts.push(...idsOf(part));
      cursor = part.json.nextCursor as string | null;
    }
    expect([parts, cursor]).toEqual([idsOf(whole), null]);
    if (path !== '/plans') expect(parts).toEqual([...parts].sort().reverse());
  });
});

describe('The lists of one person', () => {
  it.each(['/auth/sessions', '/auth/api-keys'])('at %s do not go on with the cursor of another', async (path) => {
    const { json } = await get(`${path}?limit=1`);
    expect(codesOf(await get(`${path}?cursor=${String(json.nextCursor)}`, await people.person()))).toEqual([422, 'cursor_not_valid']);
  });
});

describe('The mailbox', () => {
  it('has pages that are counted', async () => {
    const path = '/ops/mailbox?to=ana@example.org&limit=2';
    const second = await get(`${path}&page=2`);
    expect(second.json).toMatchObject({ items: [{ subject: 'a' }], nextCursor: null, total: 3, page: 2, limit: 2 });
    const first = await get(path);
    const rest = await get(`${path}&cursor=${String(first.json.nextCursor)}`);
    expect(rest.json).toMatchObject({ items: [{ subject: 'a' }], nextCursor: null, total: 3, page: null });
    expect(codesOf(await get(`${path}&page=1&cursor=${String(first.json.nextCursor)}`))).toEqual([422, 'validation_failed']);
    expect(codesOf(await get(`/ops/mailbox?cursor=${String(first.json.nextCursor)}`))).toEqual([422, 'cursor_not_valid']);
  });
});
