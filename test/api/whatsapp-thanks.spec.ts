import { afterAll, beforeAll, expect, it } from 'vitest';
import { guest, openDonations, type Donations } from '../support/donations.js';
import { eventually } from '../support/lab.js';
import { newPhone } from '../support/whatsapp.js';

let d: Donations;
beforeAll(async () => {
  d = await openDonations();
});
afterAll(() => d.close());

interface Thanked {
  state: string;
  template: { name: string; parameters: string[] };
}
const thanksOf = (donationId: string) =>
  d.rows<Thanked>('SELECT state, template FROM whatsapp_messages WHERE dedupe_key = $1', [`thanks:${donationId}`]);
const receiptOf = (donationId: string) =>
  eventually(
    () => d.rows('SELECT FROM receipts WHERE donation_id = $1', [donationId]),
    (rows) => rows.length === 1,
  );
/** Jobs of thanks that are not done. */
const owed = () => d.rows(`SELECT FROM outbox WHERE job = 'whatsapp.thank-donor'`);

it('A guest who wants messages is thanked by one, once for each gift, however often its payment is told', async () => {
  const donor = { ...guest(), phone: newPhone(), messagingConsent: true };
  const { id } = await d.given({ donor });
  await Promise.all([d.tell(id), d.tell(id), d.tell(id, { id: `${id}:again` })]);
  const [thanked] = await eventually(
    () => thanksOf(id),
    ([row]) => row?.state === 'delivered',
  );
  expect(thanked!.template).toMatchObject({ name: 'donation_receipt', parameters: ['Bruno Lima', 'R$ 50,00', 'Um telhado novo'] });
  expect(await thanksOf(id)).toHaveLength(1);
});

it('Who did not agree, or has no telephone, or took his word back, gets none', async () => {
  const [silent, without] = [
    await d.given({ donor: { ...guest(), phone: newPhone() } }),
    await d.given({ donor: { ...guest(), messagingConsent: true } }),
  ];
  await d.send('PATCH', '/users/me', { phone: newPhone(), messagingConsent: true }, d.donor.accessToken);
  await d.send('PATCH', '/users/me', { messagingConsent: false }, d.donor.accessToken);
  const signedIn = await d.given({ donor: undefined }, { as: d.donor });
  for (const { id } of [silent, without, signedIn]) await d.tell(id);
  for (const { id } of [silent, without, signedIn]) await receiptOf(id);
  await eventually(owed, (rows) => rows.length === 0);
  for (const { id } of [silent, without, signedIn]) expect(await thanksOf(id)).toEqual([]);
});

it('Who signs in and wants them is thanked by his name', async () => {
  await d.send('PATCH', '/users/me', { phone: newPhone(), messagingConsent: true }, d.donor.accessToken);
  const { id } = await d.given({ donor: undefined }, { as: d.donor });
  await d.tell(id);
  const [thanked] = await eventually(
    () => thanksOf(id),
    ([row]) => row?.state === 'delivered',
  );
  expect(thanked!.template.parameters[0]).toBe('Ana Souza');
});

it('Who takes his consent back before a message has its turn does not get it', async () => {
  const person = await d.people.person();
  await d.send('PATCH', '/users/me', { phone: newPhone(), messagingConsent: true }, person.accessToken);
  await d.rows(`INSERT INTO queue_states (queue, paused, changed_at) VALUES ('whatsapp', true, now())`);
  const { id } = await d.given({ donor: undefined }, { as: person });
  await d.tell(id);
  await receiptOf(id);
  // The queue of jobs is paused with the line: its thanks are owed once it goes on.
  await d.send('PATCH', '/users/me', { messagingConsent: false }, person.accessToken);
  await d.rows(`DELETE FROM queue_states`);
  await eventually(owed, (rows) => rows.length === 0);
  expect((await thanksOf(id)).map(({ state }) => state).filter((state) => state !== 'suppressed')).toEqual([]);
});

it('What somebody was sent is part of what he takes along, and goes with him', async () => {
  const person = await d.people.person();
  const phone = newPhone();
  await d.send('PATCH', '/users/me', { phone, messagingConsent: true }, person.accessToken);
  const { id } = await d.given({ donor: undefined }, { as: person });
  await d.tell(id);
  await eventually(
    () => thanksOf(id),
    ([row]) => row?.state === 'delivered',
  );
  const { json } = await d.send('GET', '/users/me/export', undefined, person.accessToken);
  expect(json.messages).toMatchObject([{ kind: 'received', to: phone, status: 'delivered' }]);
  const other = await d.people.person();
  await d.send('PATCH', '/users/me', { phone, messagingConsent: true }, other.accessToken);
  expect((await d.send('GET', '/users/me/export', undefined, other.accessToken)).json.messages).toEqual([]);
  expect((await d.send('DELETE', '/users/me', undefined, person.accessToken)).status).toBe(204);
  expect(await d.rows('SELECT FROM whatsapp_recipients WHERE phone = $1', [phone])).toEqual([]);
  expect(await d.rows('SELECT text, template FROM whatsapp_messages WHERE person_id = $1', [person.user.id])).toEqual([
    { text: null, template: null },
  ]);
  const { json: seen } = await d.send('GET', '/queues/whatsapp/messages?limit=100', undefined, d.admin.accessToken);
  expect((seen.items as { to: string | null }[]).some(({ to }) => to === null)).toBe(true);
});
