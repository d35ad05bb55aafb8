import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { senderOf } from '../../src/mail/letter.js';
import { unsentOf } from '../../src/mail/smtp.faults.js';
import { newId } from '../../src/kernel/ids.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { letter, openMail, secrets } from '../support/mail.js';
import { startSmtp } from '../support/smtp.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let mail: Awaited<ReturnType<typeof openMail>>;

beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
});
afterAll(() => Promise.all([database.drop(), redis.stop()]));
afterEach(async () => {
  await mail.close();
  expect(JSON.stringify(mail.lines)).not.toMatch(secrets);
  await database.rows('TRUNCATE outbox, handled_jobs, mails');
});

const production = { ENVIRONMENT: 'production', SECRET_KEY: 'k'.repeat(64) };
const warnings = () => mail.lines.filter(({ level, msg }) => level === 'warn' && msg.startsWith('SMTP_URL is not set'));

describe('without a mail server', () => {
  it('a letter of production is a dead letter that waits until there is one', async () => {
    mail = await openMail(database, redis, production);
    expect(warnings()).toHaveLength(1);
    const id = await mail.send();
    expect(await mail.dead(id)).toMatchObject({ mail: 'waiting', failures: 1, error: 'SMTP_URL is not set' });
    expect(await database.rows('SELECT recipient, subject, body FROM mails')).toEqual([{ recipient: null, subject: null, body: null }]);
    await mail.close();

    const smtp = await startSmtp();
    mail = await openMail(database, redis, { ...production, SMTP_URL: smtp.url });
    expect(warnings()).toEqual([]);
    await database.rows(`UPDATE outbox SET state = 'queued', failures = 0, run_at = now()`);
    expect(await mail.done(id)).toMatchObject({ mail: 'sent' });
    expect(smtp.received).toHaveLength(1);
    await mail.close();
    await smtp.stop();
  });

  it('a process of production that does no jobs says nothing of it', async () => {
    mail = await openMail(database, redis, { ...production, APP_ROLE: 'api' });
    expect(warnings()).toEqual([]);
  });

  it.each(['test', 'development'])('a letter of %s is kept as it is', async (ENVIRONMENT) => {
    mail = await openMail(database, redis, { ENVIRONMENT });
    expect(warnings()).toEqual([]);
    const id = await mail.send();
    await mail.done(id);
    const { to: recipient, subject, text: body } = letter;
    expect(await database.rows('SELECT id, status, recipient, subject, body FROM mails')).toEqual([
      { id, status: 'kept', recipient, subject, body },
    ]);
  });

  it('is kept once, however many runs of its job come at once', async () => {
    mail = await openMail(database, redis);
    const id = newId();
    const runs = await Promise.allSettled(Array.from({ length: 20 }, () => mail.run(id)));
    expect(runs.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0);
    expect(await database.rows('SELECT id, status FROM mails')).toEqual([{ id, status: 'kept' }]);
  });

  it('but not one to several people', async () => {
    mail = await openMail(database, redis);
    expect(await mail.dead(await mail.send({ to: 'ana.souza@example.org,eve@example.org' }))).toMatchObject({ mail: 'refused' });
  });

  it('the newest 500 stay, and whatever else was sent', async () => {
    await database.rows(
      `INSERT INTO mails (id, status, at, recipient, subject, body) SELECT gen_random_uuid(), 'kept', now() - n * interval '1 minute', n, '', '' FROM generate_series(1, 520) AS n`,
    );
    await database.rows(`INSERT INTO mails (id, status, at) VALUES (gen_random_uuid(), 'sent', '2020-01-01')`);
    mail = await openMail(database, redis);
    await mail.done(await mail.send());
    const all = await database.rows(
      `SELECT status, count(*)::int, max(CASE recipient WHEN $1 THEN 0 ELSE recipient::int END) FROM mails GROUP BY 1 ORDER BY 1`,
      [letter.to],
    );
    expect(all).toEqual([
      { status: 'kept', count: 500, max: 499 },
      { status: 'sent', count: 1, max: null },
    ]);
  });
});

describe('a server that offers encryption', () => {
  it('gets nothing where its certificate is nobody’s, unless an operator says so', async () => {
    const smtp = await startSmtp({ tls: true });
    mail = await openMail(database, redis, { SMTP_URL: smtp.url });
    const id = await mail.send();
    const { error } = await mail.until(id, ({ failures, mail: status }) => failures > 1 && status === 'waiting');
    expect(error).toMatch(/^no answer came from the mail server: [A-Z_]+$/);
    await mail.close();
    expect(smtp.received).toEqual([]);

    mail = await openMail(database, redis, { SMTP_URL: `${smtp.url}?tls.rejectUnauthorized=false&logger=true&debug=true&maxRequeues=9` });
    await mail.done(id);
    expect(smtp.received).toHaveLength(1);
    await mail.close();
    await smtp.stop();
  });
});

describe('what a fault says of a letter', () => {
  it.each([
    [{ code: 'EMESSAGE', command: 'DATA', responseCode: 250 }, 'unknown'],
    [{ code: 'EMESSAGE', command: 'DATA', responseCode: 354 }, 'unknown'],
    // Half an answer, before the connection broke.
    [{ code: 'ECONNECTION', command: 'CONN', responseCode: 550, response: '550 5.7' }, 'unknown'],
    [{ code: 'EMESSAGE', command: 'DATA', responseCode: 421 }, 'waiting'],
    [{ code: 'EMESSAGE', command: 'DATA', responseCode: 552 }, 'refused'],
    [new Error('strange'), 'unknown'],
    [undefined, 'unknown'],
  ])('%j after its text was given away: %s', (fault, status) => expect(unsentOf(fault, true).status).toBe(status));

  it.each([
    [{ code: 'EENVELOPE', command: 'DATA', responseCode: 554 }, 'refused'],
    [{ code: 'EENVELOPE', command: 'DATA', responseCode: 451 }, 'waiting'],
    [{ code: 'EPROTOCOL', command: 'CONN', responseCode: 554 }, 'waiting'],
    [new Error('strange'), 'waiting'],
    [undefined, 'waiting'],
  ])('%j before: %s', (fault, status) => expect(unsentOf(fault, false).status).toBe(status));
});

it.each([
  [{}, 'Mutirão', 'no-reply@localhost'],
  [{ PUBLIC_URL: 'https://doe.example.org:8443/app' }, 'Mutirão', 'no-reply@doe.example.org'],
  [{ MAIL_FROM: 'a@b.example' }, '', 'a@b.example'],
  [{ MAIL_FROM: 'A, B: C <a@b.example>' }, 'A, B: C', 'a@b.example'],
])('the sender of %j is %s <%s>', (settings, name, address) =>
  expect(senderOf({ MAIL_FROM: undefined, PUBLIC_URL: undefined, ...settings })).toEqual({ name, address }),
);
