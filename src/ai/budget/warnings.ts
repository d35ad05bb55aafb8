import { Inject, Injectable } from '@nestjs/common';
import { Transactions } from '../../database/transactions.js';
import { Mailer } from '../../mail/mailer.service.js';
import { mailQueue } from '../../mail/mail.queue.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { defineJob } from '../../outbox/contracts.js';
import { HandlesJob, type JobRun } from '../../outbox/handlers.js';
import { Outbox } from '../../outbox/outbox.service.js';
import { Users } from '../../users/users.service.js';
import type { Standing } from './budget.store.js';
import { isWarned } from './budget.words.js';

export const warnOfBudget = defineJob<{ userId: string; day: string }>({ queue: mailQueue, name: 'ai.warn-of-budget' });

/** Somebody hears once a day that little is left of his budget, however many calls find it so at once. */
@Injectable()
export class Warnings {
  constructor(
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** In the background: whoever asked has his answer. Where it fails, his next call tries again. */
  tell(userId: string, standing: Standing): void {
    if (standing.warned || !isWarned(standing)) return;
    this.add(userId, standing.day).catch((err: unknown) => this.log.warn({ err }, 'that little is left of a budget could not be told'));
  }

  private async add(userId: string, day: string): Promise<void> {
    await this.transactions.run(async (tx) => {
      const [told] = await tx.query<{ now: boolean }[]>(
        `WITH told AS (UPDATE ai_days SET warned = true WHERE user_id = $1 AND day = $2 AND NOT warned RETURNING 1)
         SELECT EXISTS (SELECT FROM told) AS now`,
        [userId, day],
      );
      if (told?.now) this.outbox.add(tx, warnOfBudget, { userId, day });
    });
  }
}

@Injectable()
export class WarningLetters {
  constructor(
    private readonly users: Users,
    private readonly mailer: Mailer,
  ) {}

  @HandlesJob(warnOfBudget)
  async send({ userId, day }: { userId: string; day: string }, run: JobRun): Promise<void> {
    const person = await this.users.findById(userId);
    if (!person?.email) return;
    await this.mailer.deliver(run, {
      to: person.email,
      subject: 'O seu limite de IA de hoje está quase no fim',
      text: `Olá!\n\nVocê já usou 80% ou mais do seu limite diário de IA (${day}). Quando ele acabar, as perguntas voltam a ser aceitas no dia seguinte.\n\nPara mais, fale com a administração.\n`,
    });
  }
}
