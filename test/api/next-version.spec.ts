import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDonations, type Donations } from '../support/donations.js';
import { eventually } from '../support/lab.js';
import { newEmail, PASSWORD } from '../support/people.js';

let d: Donations;
beforeAll(async () => {
  d = await openDonations();
});
afterAll(() => d.close());

/** Everything that people do most, once. */
async function useAll(): Promise<void> {
  const person = await d.person();
  const renewed = await d.send('POST', '/auth/refresh', { refreshToken: person.refreshToken });
  expect(renewed.status).toBe(200);
  expect((await d.signIn(person.user.email)).status).toBe(200);
  expect((await d.signIn(newEmail(), PASSWORD)).status).toBe(401);
  const token = String(renewed.json.accessToken);
  expect((await d.send('PATCH', '/users/me', { name: 'Outro nome' }, token)).status).toBe(200);
  expect((await d.send('POST', '/auth/api-keys', { name: 'k', scopes: ['read'] }, token)).status).toBe(201);
  expect((await d.send('GET', '/users/me/export', undefined, token)).status).toBe(200);
  expect((await d.send('POST', '/ai/chat', { message: `Olá ${newEmail()}` }, token)).status).toBe(200);
  const message = { to: '+5511987654321', text: 'Olá', dedupeKey: newEmail() };
  expect((await d.send('POST', '/queues/whatsapp/messages', message, d.admin.accessToken)).status).toBe(202);

  const { id } = await d.campaign();
  const gift = await d.given({}, { at: id });
  await d.tell(gift.id);
  await eventually(
    () => d.sumsOf(id),
    ([raised]) => raised === 5_000,
  );
  expect((await d.send('POST', `/donations/${gift.id}/refund`, { reason: 'Twice' }, d.admin.accessToken)).status).toBe(202);
  await eventually(
    () => d.statusOf(gift),
    (status) => status === 'refunded',
  );
  for (const path of [
    '/campaigns',
    `/campaigns/${id}`,
    '/plans',
    `/campaigns/${id}/donations`,
    `/donations/${gift.id}?token=${gift.statusToken}`,
  ])
    expect([path, (await d.send('GET', path)).status]).toEqual([path, 200]);
  for (const path of ['/users', '/audit', '/queues', '/ops/alerts', '/ops/scaling', '/ai/usage'])
    expect([path, (await d.send('GET', path, undefined, d.admin.accessToken)).status]).toEqual([path, 200]);
}

describe('While a later version has already changed the database', () => {
  it('this one goes on: what was added is not in its way, not even on connections that are open', async () => {
    await useAll();
    // All that a migration may do while the version before still runs: columns, tables, indexes.
    const tables = await d.rows<{ name: string }>(
      `SELECT quote_ident(relname) AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'migrations'`,
    );
    expect(tables.length).toBeGreaterThan(20);
    for (const { name } of tables)
      await d.rows(`ALTER TABLE ${name} ADD of_next_version text DEFAULT 'unknown to this one', ADD also_new integer`);
    await d.rows('CREATE TABLE of_next_version (id uuid PRIMARY KEY)');
    await d.rows('CREATE INDEX CONCURRENTLY users_of_next_version ON users (of_next_version)');
    await useAll();
    expect(d.lines.filter(({ level }) => level === 'error').map(({ msg, err }) => [msg, err])).toEqual([]);
  });
});
