import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { OtherThanks } from '../../campaigns/receipts/other-thanks.service.js';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { HandlesJob, type JobRun } from '../../outbox/handlers.js';
import { Outbox } from '../../outbox/outbox.service.js';
import { Messages } from './messages.service.js';
import { thankByMessage } from './thanks.queue.js';

const SOMEBODY = 'amigo(a)';
const SANDBOXES = 'donation_receipt/pt_BR';
const MOST_LETTERS = 200;

/** Donors who want messages are thanked by one, once for each gift. */
@Injectable()
export class ThanksByMessage implements OnModuleInit {
  constructor(
    private readonly thanks: OtherThanks,
    private readonly messages: Messages,
    private readonly outbox: Outbox,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onModuleInit(): void {
    if (this.template) this.thanks.add((tx, donationId) => void this.outbox.add(tx, thankByMessage, { donationId }, { priority: 'high' }));
  }

  @HandlesJob(thankByMessage)
  async thank({ donationId }: { donationId: string }, run: JobRun): Promise<void> {
    const [gift, { template }] = [await this.thanks.byPhone(donationId), this];
    if (!gift || !template) return;
    const parameters = [gift.name ?? SOMEBODY, gift.amount, gift.campaignTitle].map(oneLine);
    await run.commit(async (tx) => {
      const { phone, campaignId, personId } = gift;
      await this.messages.owe(tx, {
        phone,
        campaignId,
        personId,
        text: null,
        template: { ...template, parameters },
        dedupeKey: `thanks:${donationId}`,
      });
    });
  }

  /** Meta takes no other first word than an approved template; which one, only its owner knows. */
  private get template(): { name: string; language: string } | undefined {
    const { WHATSAPP_THANKS_TEMPLATE, WHATSAPP_API_URL } = this.config;
    const [name, language] = (WHATSAPP_THANKS_TEMPLATE ?? (WHATSAPP_API_URL === undefined ? SANDBOXES : '')).split('/');
    return name && language ? { name, language } : undefined;
  }
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').slice(0, MOST_LETTERS);
