import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { eventually, labEnvironment, spawnLab } from '../support/lab.js';
import { letter, openMail, secrets } from '../support/mail.js';
import { scribble } from '../support/mail.lab.js';
import { startSmtp } from '../support/smtp.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let smtp: Awaited<ReturnType<typeof startSmtp>>;
let mail: Awaited<ReturnType<typeof openMail>>;
const ADD = `INSERT INTO outbox (id, queue, job, payload, rank_at) VALUES ($1, 'lab-mail', 'lab.write', $2, now())`;
const MAIL_FROM = 'Mutirão, Brasil <no-reply@mutirao.example>';

beforeAll(async () => {
  [database, redis, smtp] = await Promise.all([freshDatabase(), freshRedis(), startSmtp()]);
  mail = await openMail(database, redis, { SMTP_URL: smtp.url, MAIL_FROM });
});
afterAll(async () => {
  await mail.close();
  await Promise.all([database.drop(), redis.stop(), smtp.stop()]);
});
afterEach(async () => {
  smtp.behave('well');
  smtp.letGo();
  const errors = await database.rows('SELECT last_error FROM outbox');
  expect(JSON.stringify([mail.lines, errors])).not.toMatch(secrets);
  await database.rows('TRUNCATE outbox, handled_jobs, mails');
  smtp.received.length = 0;
});

const headersOf = (raw: string) =>
  raw
    .slice(0, raw.indexOf('\r\n\r\n'))
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n');

describe('a letter that is refused for good', () => {
  it.each([
    ['rcpt', 550],
    ['rcpt', 553],
    ['text', 554],
  ] as const)('at %s with %i becomes a dead letter at once, and is not tried again', async (at, code) => {
    smtp.behave({ at, code });
    const id = await mail.send();
    const { mail: status, failures, error } = await mail.dead(id);
    expect({ status, failures, error }).toEqual({
      status: 'refused',
      failures: 1,
      error: `the mail server answered ${at === 'rcpt' ? 'RCPT TO' : 'DATA'} with ${code} 5.1.1`,
    });
    const seen = smtp.received.length;
    smtp.behave('well');
    await database.rows(`UPDATE outbox SET state = 'queued', failures = 0, last_error = NULL, run_at = now()`);
    expect(await mail.dead(id)).toMatchObject({ mail: 'refused', error: 'the letter was refused by an earlier run' });
    expect(smtp.received).toHaveLength(seen);
  });

  it.each([
    'ana.souza@example.org, eve@example.org',
    'ana.souza@example.org\r\nBcc: eve@example.org',
    'ana.souza@example.org\nRCPT TO:<eve@example.org>',
    'Ana <ana.souza@example.org>',
    'all: ana.souza@example.org;',
    '"ana.souza@example.org,eve"@example.org',
    'ana.souza@example.org (eve@example.org)',
    'ana.souza@localhost',
    'ana.souza@@example.org',
    `${'a'.repeat(65)}@example.org`,
    'ana.souza',
    '',
  ])('is so without a question where its recipient is not one address: %j', async (to) => {
    const id = await mail.send({ to });
    expect(await mail.dead(id)).toMatchObject({ mail: 'refused', failures: 1, error: 'the recipient is not one e-mail address' });
    expect(smtp.received).toEqual([]);
  });
});

describe('a letter that the server cannot have taken', () => {
  const arrivesOnceWhen = async (id: string, better: () => unknown) => {
    const { mail: status } = await mail.until(id, ({ mail: now, failures }) => failures >= 2 && now === 'waiting');
    expect(status).toBe('waiting');
    await better();
    expect(await mail.done(id)).toMatchObject({ mail: 'sent' });
    expect(smtp.received.filter(({ raw }) => raw.includes(id)).length).toBeGreaterThan(0);
  };

  it('waits while the server refuses connections', async () => {
    await smtp.leave();
    const id = await mail.send();
    await arrivesOnceWhen(id, smtp.comeBack);
    expect(smtp.received).toHaveLength(1);
  });

  it.each([
    { at: 'auth', code: 535 },
    { at: 'mail', code: 451 },
    { at: 'mail', code: 550 },
    { at: 'rcpt', code: 450 },
    { at: 'rcpt', code: 421 },
    { at: 'rcpt', code: 530 },
  ] as const)('waits after $code at $at, and arrives once', async (manner) => {
    smtp.cut();
    smtp.behave(manner);
    await arrivesOnceWhen(await mail.send(), () => smtp.behave('well'));
    expect(smtp.received).toHaveLength(1);
  });

  it('waits after a 4xx to its text, which says that the server did not keep it', async () => {
    smtp.behave({ at: 'text', code: 451 });
    const id = await mail.send();
    await arrivesOnceWhen(id, () => smtp.behave('well'));
  });

  it('waits where no greeting comes, for five seconds each time', async () => {
    smtp.cut();
    smtp.behave('silent');
    const id = await mail.send();
    const began = performance.now();
    const { error } = await mail.until(id, ({ failures, error: why }) => failures >= 1 && why?.includes('GREETING') === true);
    expect(error).toBe('no answer came from the mail server: GREETING_TIMEOUT');
    expect(performance.now() - began).toBeLessThan(9_000);
    smtp.cut();
    smtp.behave('well');
    expect(await mail.done(id)).toMatchObject({ mail: 'sent' });
    expect(smtp.received).toHaveLength(1);
  });

  it('waits where the time of its job is over before the text was asked for', async () => {
    smtp.cut();
    smtp.behave('silent');
    const id = await mail.send({}, scribble);
    await arrivesOnceWhen(id, () => {
      smtp.behave('well');
      smtp.cut();
    });
    expect(smtp.received).toHaveLength(1);
  });

  it('is not harmed by a kept connection that the server has ended', async () => {
    await mail.done(await mail.send());
    smtp.cut();
    await mail.done(await mail.send());
    expect(smtp.received).toHaveLength(2);
  });
});

/** The only one that works, with a letter that the server has and does not confirm. */
async function aProcessInTheCall() {
  await mail.close();
  const env = labEnvironment(database.url, redis.url, { APP_ROLE: 'worker', SMTP_URL: smtp.url, LOG_LEVEL: 'silent' });
  const lab = await spawnLab(env, { main: 'mail.main.js' });
  smtp.behave('hold');
  const id = newId();
  await database.rows(ADD, [id, letter]);
  await eventually(
    async () => smtp.received,
    (all) => all.length === 1,
  );
  return { lab, id };
}

describe('a letter of which nobody knows whether it arrived', () => {
  const isParked = async (id: string) => {
    expect(await mail.dead(id)).toMatchObject({ mail: 'unknown' });
    smtp.behave('well');
    await database.rows(`UPDATE outbox SET state = 'queued', failures = 0, last_error = NULL, run_at = now() WHERE id = $1`, [id]);
    expect(await mail.dead(id)).toMatchObject({ error: 'an earlier run may have sent the letter, nobody knows' });
    expect(smtp.received).toHaveLength(1);
  };

  it('is parked where the server hangs up without an answer', async () => {
    smtp.behave('drop');
    const id = await mail.send();
    expect((await mail.dead(id)).error).toBe('the letter was handed over, then no answer came from the mail server: ECONNECTION');
    expect(mail.lines.find(({ level, id: of }) => level === 'warn' && of === id)?.msg).toBe('whether a letter arrived is unknown');
    await isParked(id);
  });

  it('is parked where the time of its job is over after that', async () => {
    smtp.behave('hold');
    await isParked(await mail.send({}, scribble));
  });

  it('is sent again only where a person says so', async () => {
    smtp.behave('drop');
    const id = await mail.send();
    await mail.dead(id);
    smtp.behave('well');
    await database.rows(`UPDATE mails SET status = 'waiting' WHERE id = $1`, [id]);
    await database.rows(`UPDATE outbox SET state = 'queued', failures = 0, run_at = now() WHERE id = $1`, [id]);
    expect(await mail.done(id)).toMatchObject({ mail: 'sent' });
    expect(smtp.received).toHaveLength(2);
  });

  it('counts as sent after all where the run that was given up hears so', async () => {
    smtp.behave('hold');
    const id = await mail.send();
    await eventually(
      async () => smtp.received,
      (all) => all.length === 1,
    );
    await database.rows(`UPDATE mails SET status = 'unknown' WHERE id = $1`, [id]);
    smtp.letGo();
    expect(await mail.done(id)).toMatchObject({ mail: 'sent' });
  });

  it('is parked where its process is killed during the call', async () => {
    const { lab, id } = await aProcessInTheCall();
    expect(await mail.standing(id)).toMatchObject({ mail: 'sending', job: 'running' });
    await lab.end('SIGKILL');
    smtp.behave('well');
    mail = await openMail(database, redis, { SMTP_URL: smtp.url, MAIL_FROM });
    await isParked(id);
    const told = mail.lines.filter(({ id: of, level }) => of === id && level === 'warn').map(({ msg }) => msg);
    expect(told.filter((words) => words.startsWith('a letter was being sent when its run ended'))).toHaveLength(1);
  });
});

it('a letter whose process is asked to stop is sent to its end, and the connection closed', async () => {
  const { lab, id } = await aProcessInTheCall();
  const ended = lab.end('SIGTERM');
  await eventually(
    () =>
      fetch(`${lab.url}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    (ready) => !ready,
  );
  smtp.letGo();
  expect(await ended).toBe(0);
  expect(await mail.standing(id)).toMatchObject({ mail: 'sent' });
  await eventually(
    async () => smtp.open(),
    (sockets) => sockets === 0,
  );
  mail = await openMail(database, redis, { SMTP_URL: smtp.url, MAIL_FROM });
});

describe('a letter that arrives', () => {
  it('does so once, and leaves nothing of itself but how it went', async () => {
    const id = await mail.send();
    await mail.done(id);
    expect(smtp.received).toHaveLength(1);
    expect(smtp.received[0]).toMatchObject({ from: 'no-reply@mutirao.example', to: [letter.to] });
    expect(headersOf(smtp.received[0]!.raw)).toEqual(
      expect.arrayContaining([
        `Message-ID: <${id}@mutirao.example>`,
        'From: =?UTF-8?Q?Mutir=C3=A3o=2C_Brasil?= <no-reply@mutirao.example>',
        `To: ${letter.to}`,
        `Subject: ${letter.subject}`,
        'Auto-Submitted: auto-generated',
      ]),
    );
    const [kept] = await database.rows('SELECT status, recipient, subject, body FROM mails');
    expect(kept).toEqual({ status: 'sent', recipient: null, subject: null, body: null });
    expect(await database.rows('SELECT outbox_id FROM handled_jobs')).toEqual([{ outbox_id: id }]);
  });

  it.each([
    ['subject', 'word-of-subject\r\nBcc: eve@example.org\r\n\r\nanother text'],
    ['subject', 'word-of-subject\n.\nRCPT TO:<eve@example.org>'],
    ['text', 'word-of-text\r\n.\r\nMAIL FROM:<eve@example.org>\r\n'],
  ] as const)('has no header and no recipient more, whatever its %s says: %j', async (part, words) => {
    const id = await mail.send({ [part]: words });
    await mail.done(id);
    expect(smtp.received.map(({ to }) => to)).toEqual([[letter.to]]);
    const names = headersOf(smtp.received[0]!.raw).map((line) => line.split(':')[0]);
    expect(names.sort()).toEqual(
      ['Auto-Submitted', 'Content-Transfer-Encoding', 'Content-Type', 'Date', 'From', 'MIME-Version', 'Message-ID', 'Subject', 'To'].sort(),
    );
  });

  it.each(['sent', 'kept'])('is not sent again where it is %s already', async (status) => {
    const id = newId();
    await database.rows('INSERT INTO mails (id, status) VALUES ($1, $2)', [id, status]);
    await database.rows(ADD, [id, letter]);
    expect(await mail.done(id)).toMatchObject({ mail: status });
    expect(smtp.received).toEqual([]);
  });

  it('is one, however many runs of its job come at once', async () => {
    const id = newId();
    const runs = await Promise.allSettled(Array.from({ length: 20 }, () => mail.run(id)));
    expect(runs.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0);
    expect(await mail.standing(id)).toMatchObject({ mail: 'sent' });
    expect(smtp.received).toHaveLength(1);
  });

  it('goes its way beside many others, over a few connections', async () => {
    smtp.cut();
    const ids = await Promise.all(Array.from({ length: 40 }, (_, n) => mail.send({ subject: `word-of-subject ${n}` })));
    for (const id of ids) await mail.done(id);
    expect(smtp.received).toHaveLength(40);
    expect(new Set(smtp.received.map(({ raw }) => /Message-ID: (\S+)/.exec(raw)?.[1])).size).toBe(40);
    expect(smtp.most()).toBeLessThanOrEqual(5);
  });
});
