import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { Transactions } from '../../database/transactions.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { metaErrorOf } from './provider/meta-errors.js';
import { wantsBackIn, wantsOut } from './provider/opting.js';
import { readWebhook, type Inbound, type ToldStatus } from './provider/webhook.reading.js';
import { RecipientsStore } from './recipients.store.js';
import { ToldStore } from './told.store.js';

/** Takes what the provider tells, once its proof was right. */
@Injectable()
export class WhatsAppNews {
  constructor(
    private readonly told: ToldStore,
    private readonly recipients: RecipientsStore,
    private readonly transactions: Transactions,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async take(body: unknown): Promise<void> {
    const { statuses, inbound, preferences } = readWebhook(body);
    if (statuses.length > 0) await this.takeStatuses(statuses);
    for (const message of inbound) await this.hear(message);
    for (const { phone, wants, at, to } of preferences)
      if (wants === 'stop' || this.isToUs(to))
        await this.transactions.run((tx) => this.recipients.choose(tx, { phone, at, wants: wants === 'resume' }));
  }

  private async takeStatuses(statuses: readonly ToldStatus[]): Promise<void> {
    const told = statuses.map((one) => ({ ...one, advice: adviceOn(one.errorCode) }));
    const news = await this.transactions.run((tx) => this.told.take(tx, told));
    if (news < statuses.length)
      this.log.debug({ told: statuses.length, news }, 'some of what was told was known, or is about messages of others');
  }

  /** Who says that he wants no more gets no more: that and his word commit together. */
  private async hear(message: Inbound): Promise<void> {
    const { phone, at, text, to, payload = '' } = message;
    const [out, back] = [wantsOut(text) || wantsOut(payload), wantsBackIn(text) || wantsBackIn(payload)];
    const isToUs = this.isToUs(to);
    if (!(out || isToUs)) return;
    await this.transactions.run(async (tx) => {
      if (!(await this.told.keep(tx, message))) return;
      if (out || back) await this.recipients.choose(tx, { phone, at, wants: !out });
      if (isToUs) await this.recipients.open(tx, phone, at);
    });
  }

  /** An app tells of all its numbers. What is said to another is none of ours, but for that somebody wants no more: it may have been ours before. */
  private isToUs(numberId: string | undefined): boolean {
    const { WHATSAPP_PHONE_NUMBER_ID: ours } = this.config;
    return numberId === undefined || ours === undefined || numberId === ours;
  }
}

function adviceOn(code: number | undefined): string | null {
  const known = code === undefined ? undefined : metaErrorOf(code);
  return known && 'advice' in known ? known.advice : null;
}
