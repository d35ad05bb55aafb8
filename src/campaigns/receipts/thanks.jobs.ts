import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import { publicUrl, type Config } from '../../config/config.js';
import { Mailer } from '../../mail/mailer.service.js';
import { HandlesJob, type JobRun } from '../../outbox/handlers.js';
import { Pledges } from '../donations/pledges.service.js';
import { DonationsStore } from '../donations/donations.store.js';
import { thankDonor } from './receipts.queue.js';
import { reaisOf } from '../reais.js';

@Injectable()
export class Thanks {
  constructor(
    private readonly donations: DonationsStore,
    private readonly pledges: Pledges,
    private readonly mailer: Mailer,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @HandlesJob(thankDonor)
  async thank({ donationId }: { donationId: string }, run: JobRun): Promise<void> {
    const gift = await this.donations.byMail(donationId);
    if (!gift) return;
    const link = `${publicUrl(this.config).replace(/\/+$/, '')}/api/v1/donations/${donationId}/receipt.pdf?token=${this.pledges.tokenOf(donationId)}`;
    await this.mailer.deliver(run, {
      to: gift.email,
      subject: 'Obrigado pela sua doação',
      text: `Olá!\n\nA sua doação de ${reaisOf(gift.amountCents)} para a campanha “${gift.campaignTitle}” chegou. Muito obrigado!\n\nO recibo nº ${gift.receiptNumber ?? ''} está aqui:\n\n${link}\n`,
    });
  }
}
