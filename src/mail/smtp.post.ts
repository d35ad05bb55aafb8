import type { Readable } from 'node:stream';
import type { createTransport } from 'nodemailer';
import { inTime } from '../kernel/waiting.js';
import { messageIdOf, type Letter, type Sender } from './letter.js';
import { unsentOf, type Unsent } from './smtp.faults.js';

export const MOST_AT_ONCE = 5;
const MOST_MS = 30_000;

const own = {
  pool: true,
  maxConnections: MOST_AT_ONCE,
  // Trying again is for the outbox, which knows what may be tried and waits in between.
  maxRequeues: 0,
  idleTimeout: 30_000,
  dnsTimeout: 5_000,
  connectionTimeout: 5_000,
  greetingTimeout: 5_000,
  socketTimeout: 15_000,
  disableFileAccess: true,
  disableUrlAccess: true,
} as const;

/** What an operator may say behind the `?` of SMTP_URL; anything else could undo what is said above. */
const sayable = /^(name|requireTLS|ignoreTLS|tls\.\w+)$/;

type Pool = ReturnType<typeof createTransport>;

/** Gives letters to a mail server and finds out what became of them. */
export class SmtpPost {
  private pool: Promise<Pool> | undefined;
  private readonly texts = new Map<string, Readable>();

  constructor(
    private readonly url: string,
    private readonly from: Sender,
  ) {}

  async send(id: string, { to, subject, text }: Letter, signal: AbortSignal): Promise<{ status: 'sent' } | Unsent> {
    const messageId = messageIdOf(id, this.from);
    try {
      const pool = await (this.pool ??= this.open());
      await inTime(MOST_MS, signal, (over) =>
        pool.sendMail({
          messageId,
          from: this.from,
          to: { name: '', address: to },
          subject,
          text,
          xMailer: false,
          headers: { 'Auto-Submitted': 'auto-generated' },
          signal: over,
        }),
      );
      return { status: 'sent' };
    } catch (fault) {
      return unsentOf(fault, this.texts.get(messageId)?.readableDidRead ?? false);
    } finally {
      this.texts.delete(messageId);
    }
  }

  /** Whatever is still on its way ends here. */
  async close(): Promise<void> {
    const pool = await this.pool?.catch(() => undefined);
    pool?.close({ force: true });
  }

  private async open(): Promise<Pool> {
    // Loaded with the first letter: most processes never send one.
    const { createTransport } = await import('nodemailer');
    const url = new URL(this.url);
    for (const name of [...url.searchParams.keys()]) if (!sayable.test(name)) url.searchParams.delete(name);
    const pool = createTransport({ ...own, url: url.href });
    pool.use('stream', (mail, done) => {
      // Read from only when the server has said that it takes the text.
      mail.message.processFunc((text: Readable) => {
        this.texts.set(String(mail.data.messageId), text);
        return text;
      });
      done();
    });
    return pool;
  }
}
