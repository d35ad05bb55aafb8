import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { LISTED, OF_USER, SHOWN } from '../../src/campaigns/donations/donations.store.js';
import { pause } from '../../src/kernel/waiting.js';
import { openDonations, type Donations } from '../support/donations.js';
import { MANY_GIFTS } from '../support/many-gifts.js';
import { eventually } from '../support/lab.js';
import { codesOf, type Session } from '../support/people.js';

const MANY = 60_000;
/** Far more than fits between two ends of a connection, and far less than all. */
const SOME = MANY / 2;
const STALLED_MS = 32_000;

let d: Donations;
let large: { id: string; slug: string };
let stalled: IncomingMessage;
let began: number;
beforeAll(async () => {
  d = await openDonations();
  large = await d.campaign();
  await d.rows(MANY_GIFTS, [large.id, MANY, 70]);
  await d.rows('ANALYZE donations');
  began = performance.now();
  stalled = await begin();
});
afterAll(async () => {
  stalled.destroy();
  await d.close();
});

const list = (id: string, as?: Session) => d.send('GET', `/campaigns/${id}/donations.csv`, undefined, as?.accessToken);

/** Nothing is read of it before somebody does. */
const begin = (requestId = newId()) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization: `Bearer ${d.ana.accessToken}`, 'x-request-id': requestId };
    get(`${d.url}/api/v1/campaigns/${large.id}/donations.csv`, { headers, agent: false }, resolve).on('error', reject);
  });

/** How many gifts the database has handed out so far, as it tells a second later. */
async function handedOut(): Promise<number> {
  const [row] = await d.rows<{ count: number }>(
    `SELECT (seq_tup_read + idx_tup_fetch)::int AS count FROM pg_stat_user_tables WHERE relname = 'donations'`,
  );
  return row?.count ?? Number.NaN;
}

describe('The table of gifts', () => {
  it('is refused to whom it is not for', async () => {
    const draft = await d.campaign(false);
    expect(codesOf(await list(d.open.id))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await list(d.open.id, d.donor))).toEqual([403, 'forbidden']);
    expect(codesOf(await list(d.open.id, d.eva))).toEqual([403, 'forbidden']);
    expect(codesOf(await list(draft.id, d.eva))).toEqual([404, 'not_found']);
    expect(codesOf(await list(newId(), d.admin))).toEqual([404, 'not_found']);
  });

  it('is a file of UTF-8, which begins with the names of its columns', async () => {
    const { id, slug } = await d.campaign(false);
    for (const as of [d.ana, d.admin]) {
      const { status, headers, text } = await list(slug, as);
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
      expect(headers.get('content-disposition')).toBe(`attachment; filename="doacoes-${slug}.csv"`);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(text).toBe('id,status,amount_cents,currency,method,name,email,message,anonymous,created_at,confirmed_at,receipt_number\r\n');
    }
    const bytes = await fetch(`${d.url}/api/v1/campaigns/${id}/donations.csv`, {
      headers: { authorization: `Bearer ${d.ana.accessToken}` },
    });
    expect(Buffer.from(await bytes.arrayBuffer()).subarray(0, 3)).toEqual(Buffer.from('\ufeff'));
  });

  it('tells of every gift in every state, of anonymous ones not who gave', async () => {
    const { id } = await d.campaign();
    const [gift, secret, ofPerson] = [
      await d.given({ message: 'Força, “crianças” 😀' }, { at: id }),
      await d.given({ anonymous: true, message: 'Segredo', donor: { name: 'Zoé', email: 'zoe@example.org' } }, { at: id }),
      await d.given({ donor: undefined, method: 'card' }, { at: id, as: d.donor }),
    ];
    await d.tell(gift.id);
    const { text } = await eventually(
      () => list(id, d.ana),
      ({ text }) => /,\d+\r\n/.test(text),
    );
    const lines = text.split('\r\n').slice(1);
    const at = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
    expect(lines[0]).toMatch(
      new RegExp(`^${gift.id},confirmed,5000,BRL,pix,Bruno Lima,p[\\da-f]+@example.org,"Força, “crianças” 😀",false,${at},${at},\\d+$`),
    );
    expect(lines[1]).toMatch(new RegExp(`^${secret.id},pending,5000,BRL,pix,,,Segredo,true,${at},,$`));
    expect(lines[2]).toMatch(new RegExp(`^${ofPerson.id},pending,5000,BRL,card,Ana Souza,${d.donor.user.email},,false,${at},,$`));
    expect(lines.slice(3)).toEqual(['']);
  });

  it('has no formula, in whatever language it is opened', async () => {
    const { id } = await d.campaign();
    const told: [name: string, message: string, name_: string, message_: string][] = [
      ['=HYPERLINK("http://x","y")', '+1+1', `"'=HYPERLINK(""http://x"",""y"")"`, `'+1+1`],
      ['-2+3+cmd', '@SUM(A1)', `'-2+3+cmd`, `'@SUM(A1)`],
      ['＝1+1', '＋1', `'＝1+1`, `'＋1`],
      ['－1', '＠SUM(1)', `'－1`, `'＠SUM(1)`],
      ['a;"=1+1;"', 'a', `"a;'""=1+1;"""`, 'a'],
      [`a;=cmd|' /C calc'!A0`, 'um; -1;@a', `a;'=cmd|' /C calc'!A0`, `um;' -1;'@a`],
      ['Bruno "=1" Lima', 'Rua A; 2+2', '"Bruno ""=1"" Lima"', 'Rua A; 2+2'],
    ];
    for (const [name, message] of told) await d.given({ message, donor: { name, email: 'b@example.org' } }, { at: id });
    const lines = (await list(id, d.ana)).text.split('\r\n').slice(1, -1);
    expect(lines.map((line) => /,pix,(.*),false,/.exec(line)?.[1])).toEqual(
      told.map(([, , name, message]) => `${name},b@example.org,${message}`),
    );
    await d.rows(`UPDATE donations SET message = E'\\t=1', donor_name = E'\\r=1', donor_email = '=1@x' WHERE campaign_id = $1`, [id]);
    expect((await list(id, d.ana)).text).toContain(`,"'\r=1",'=1@x,'\t=1,`);
  });

  it('is not read on for whoever asks for its head', async () => {
    const before = await handedOut();
    const headers = { authorization: `Bearer ${d.ana.accessToken}` };
    const answer = await d.ask(`/api/v1/campaigns/${large.id}/donations.csv`, { method: 'HEAD', headers });
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('content-length')]).toEqual([
      200,
      'text/csv; charset=utf-8',
      null,
    ]);
    await pause(2_500);
    expect((await handedOut()) - before).toBeLessThan(SOME);
  });
});

describe('A large table', () => {
  it('is read as fast as it is taken, and is whole and in order', async () => {
    const before = await handedOut();
    const answer = await begin();
    await pause(3_000);
    expect((await handedOut()) - before).toBeLessThan(SOME);
    const lines = (await text(answer)).split('\r\n').slice(1, -1);
    expect(lines.map((line) => Number(line.split(',', 3)[2]))).toEqual(Array.from({ length: MANY }, (_, n) => n + 1));
    await eventually(handedOut, (count) => count - before >= MANY);
  });

  it.each([OF_USER, SHOWN, LISTED])(
    'and each page begins where the one before ended, also by a plan made for all: $name',
    async ({ text }) => {
      const plan = await d.rows<{ 'QUERY PLAN': string }>(`EXPLAIN (GENERIC_PLAN, COSTS off) ${text}`);
      const lines = plan.map((line) => line['QUERY PLAN']);
      expect(lines.filter((line) => /Index Cond: .*(id|confirmed_at)\)? [<>] .*\$2/.test(line))).toHaveLength(1);
      expect(lines.filter((line) => /Seq Scan on donations/.test(line))).toEqual([]);
    },
  );

  it('is not read on when its reader is gone', async () => {
    const before = await handedOut();
    const requestId = newId();
    const answer = await begin(requestId);
    answer.once('data', () => answer.destroy());
    await pause(3_000);
    expect((await handedOut()) - before).toBeLessThan(SOME);
    expect(d.lines.filter((line) => line.level === 'error' && line.requestId === requestId)).toEqual([]);
  });

  it('ends suddenly where it cannot be whole', async () => {
    const requestId = newId();
    const answer = await begin(requestId);
    await d.rows('ALTER TABLE receipts RENAME TO receipts_away');
    await expect(text(answer)).rejects.toThrow('aborted');
    expect(d.lines).toContainEqual(expect.objectContaining({ level: 'error', msg: 'a list was cut off', requestId }));
    const { status, headers, json } = await list(large.id, d.ana);
    expect([status, json.code, headers.get('content-disposition')]).toEqual([500, 'internal_error', null]);
    await d.rows('ALTER TABLE receipts_away RENAME TO receipts');
    expect((await list(large.id, d.ana)).status).toBe(200);
  });

  it('waits half a minute for a reader who takes nothing, and no longer', async () => {
    await pause(began + STALLED_MS - performance.now());
    await expect(text(stalled)).rejects.toThrow('aborted');
  });
});
