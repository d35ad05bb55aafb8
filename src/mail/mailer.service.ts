import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import type { Tx } from '../database/transactions.js';
import { limitTo } from '../kernel/limit.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { JobHopeless, type JobRun } from '../outbox/handlers.js';
import { isOneAddress, senderOf, type Letter } from './letter.js';
import type { MailStatus } from './mail.entity.js';
import { MailsStore } from './mails.store.js';
import { MOST_AT_ONCE, SmtpPost } from './smtp.post.js';

/** Gone to somebody else: what this run knows of the letter is not so any more. */
const TAKEN = 'another run has taken this letter';

/** Sends the one letter of a job, at most once: what became of it is kept beside the job, and nothing is sent twice by itself. */
@Injectable()
export class Mailer implements OnApplicationShutdown {
  private readonly post: SmtpPost | undefined;
  private readonly inTurn = limitTo(MOST_AT_ONCE);

  constructor(
    private readonly mails: MailsStore,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {
    if (config.SMTP_URL !== undefined) this.post = new SmtpPost(config.SMTP_URL, senderOf(config));
  }

  /** Ends the job as well, or throws what the outbox needs to know. */
  async deliver(run: JobRun, letter: Letter): Promise<void> {
    const { post } = this;
    if (!isOneAddress(letter.to)) return this.giveUp(run, 'refused', 'the recipient is not one e-mail address');
    if (post) return this.inTurn(() => this.send(run, letter, post));
    if (this.config.ENVIRONMENT === 'production') return this.giveUp(run, 'waiting', 'SMTP_URL is not set');
    if (await this.isSettled(run.id)) return;
    await run.commit(async (tx) => {
      if (!(await this.mails.keep(tx, run.id, letter))) throw new Error(TAKEN);
    });
  }

  /** Takes what is kept for somebody out of the mailbox. */
  forget(tx: Tx, recipient: string): Promise<void> {
    return this.mails.forget(tx, recipient);
  }

  onApplicationShutdown(): Promise<void> | undefined {
    return this.post?.close();
  }

  /** Where an earlier run ended in the middle of the call, nobody can say any more whether the letter arrived. */
  private async standing(id: string): Promise<MailStatus> {
    const status = (await this.mails.statusOf(id)) ?? 'waiting';
    if (status !== 'sending') return status;
    if (!(await this.mails.end(id, 'unknown'))) return this.standing(id);
    this.log.warn({ id }, 'a letter was being sent when its run ended; whether it arrived is unknown');
    return 'unknown';
  }

  private async send(run: JobRun, letter: Letter, post: SmtpPost): Promise<void> {
    if (run.signal.aborted) throw new Error('the job was over before its letter had its turn');
    if (!(await this.mails.begin(run.id, 'sending'))) return this.leave(run.id);
    const outcome = await post.send(run.id, letter, run.signal);
    if (outcome.status === 'sent') return run.commit(async (tx) => this.mails.sent(tx, run.id));
    await this.mails.end(run.id, outcome.status);
    if (outcome.status === 'waiting') throw new Error(outcome.why);
    if (outcome.status === 'unknown') this.log.warn({ id: run.id, why: outcome.why }, 'whether a letter arrived is unknown');
    throw new JobHopeless(outcome.why);
  }

  private async giveUp({ id }: JobRun, status: 'waiting' | 'refused', why: string): Promise<void> {
    if (!(await this.mails.begin(id, status))) return this.leave(id);
    throw new JobHopeless(why);
  }

  /** A letter that is not for this run: it has its end, or another run is at it. */
  private async leave(id: string): Promise<void> {
    if (!(await this.isSettled(id))) throw new Error(TAKEN);
  }

  private async isSettled(id: string): Promise<boolean> {
    const standing = await this.standing(id);
    if (standing === 'refused') throw new JobHopeless('the letter was refused by an earlier run');
    if (standing === 'unknown') throw new JobHopeless('an earlier run may have sent the letter, nobody knows');
    return standing !== 'waiting';
  }
}
