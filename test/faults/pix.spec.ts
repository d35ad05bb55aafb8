import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { openDonations, wish, type Donations } from '../support/donations.js';
import { eventually, labEnvironment, spawnLab } from '../support/lab.js';
import { startPsp } from '../support/psp.js';

let psp: Awaited<ReturnType<typeof startPsp>>;
let d: Donations;
let env: Record<string, string>;
beforeAll(async () => {
  psp = await startPsp();
  const { url, clientId, clientSecret, key } = psp.settings;
  const pix = { PIX_API_URL: url, PIX_CLIENT_ID: clientId, PIX_CLIENT_SECRET: clientSecret, PIX_KEY: key, PIX_WEBHOOK_SECRET: 'word' };
  env = { PAYMENT_PROVIDER: 'pix', ...pix };
  d = await openDonations(env);
});
afterAll(async () => {
  await d.close();
  await psp.stop();
});

/** Kills the process that asks the bank, at this moment; the same key is then taken over within five seconds. */
it.each([
  ['before the bank has answered', 'silent'],
  ['when the bank has made the charge, before anyone heard of it', 'cut'],
] as const)('a process that is killed %s leaves one gift, with one charge', async (_when, manner) => {
  const { database, redis } = d.people.install;
  const dying = await spawnLab(labEnvironment(database.url, redis.url, { APP_ROLE: 'api', ...env }));
  const [key, body, before] = [newId(), wish(), psp.charges.size];
  psp.behave(manner, { at: 'put cob', times: 1 });
  const asked = psp.heard('put cob');
  const lost = fetch(`${dying.url}/api/v1/campaigns/${d.open.id}/donations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
  }).catch(() => 'lost');
  await asked;
  await dying.end('SIGKILL');
  const died = performance.now();
  expect(await lost).toBe('lost');
  const first = await d.give(body, { key });
  expect([first.status, first.json.code]).toEqual([409, 'idempotency_in_progress']);
  const { json } = await eventually(
    () => d.give(body, { key }),
    ({ status }) => status === 201,
  );
  const tookMs = performance.now() - died;
  expect(tookMs).toBeLessThan(10_000);
  expect(await d.rows('SELECT id, status FROM donations WHERE donor_email = $1', [body.donor.email])).toEqual([
    { id: json.id, status: 'pending' },
  ]);
  expect(psp.charges.size).toBe(before + 1);
});
