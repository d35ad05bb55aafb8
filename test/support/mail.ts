import type { Environment } from '../../src/config/config.js';
import { Transactions } from '../../src/database/transactions.js';
import type { Letter } from '../../src/mail/letter.js';
import { Mailer } from '../../src/mail/mailer.service.js';
import type { JobContract } from '../../src/outbox/contracts.js';
import type { JobRun } from '../../src/outbox/handlers.js';
import { Outbox } from '../../src/outbox/outbox.service.js';
import { openApp } from './app.js';
import type { freshDatabase, freshRedis } from './fresh.js';
import { eventually, labEnvironment } from './lab.js';
import { LabModule } from './lab.module.js';
import { MailLab, write } from './mail.lab.js';

type Database = Awaited<ReturnType<typeof freshDatabase>>;
type Redis = Awaited<ReturnType<typeof freshRedis>>;

export const letter: Letter = { to: 'ana.souza@example.org', subject: 'word-of-subject', text: 'word-of-text' };
/** What of a letter or of the server's sign-in may stand in no log line and in no error. */
export const secrets = /ana\.souza|word-of-/;

// In one look, as either may change between two.
const TOGETHER = `SELECT m.status AS mail, o.state AS job, coalesce(o.failures, 0) AS failures, o.last_error AS error
  FROM (VALUES ($1::uuid)) AS asked (id) LEFT JOIN mails m USING (id) LEFT JOIN outbox o USING (id)`;

export interface Standing {
  /** Of the letter. */
  mail: string | null;
  /** Of the job; nothing where it is done. */
  job: string | null;
  failures: number;
  error: string | null;
}

/** A process that does jobs and sends letters, and what it logs. */
export async function openMail(database: Database, redis: Redis, env: Environment = {}) {
  const { app, lines } = await openApp(labEnvironment(database.url, redis.url, { APP_ROLE: 'worker', ...env }), [LabModule, MailLab]);
  let closing: Promise<void> | undefined;
  /** How the letter of one job stands, and the job. */
  const standing = async (id: string): Promise<Standing> => {
    const [now] = await database.rows<Standing>(TOGETHER, [id]);
    return now ?? { mail: null, job: null, failures: 0, error: null };
  };
  const until = (id: string, right: (now: Standing) => boolean) => eventually(() => standing(id), right);
  return {
    lines,
    send: (changes: Partial<Letter> = {}, job: JobContract<Letter> = write) =>
      app.get(Transactions).run(async (tx) => app.get(Outbox).add(tx, job, { ...letter, ...changes })),
    standing,
    until,
    done: (id: string) => until(id, ({ job, mail }) => job === null && mail !== null),
    dead: (id: string) => until(id, ({ job }) => job === 'dead'),
    /** One run of a job, without the outbox, which never lets two of them in. */
    run: (id: string) => {
      const run: JobRun = {
        id,
        failures: 0,
        signal: new AbortController().signal,
        commit: (effect) => app.get(Transactions).run(effect),
      };
      return app.get(Mailer).deliver(run, letter);
    },
    close: () => (closing ??= app.close()),
  };
}
