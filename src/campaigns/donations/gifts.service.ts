import { Injectable } from '@nestjs/common';
import { readerOf, type Caller } from '../../http/caller.js';
import { Refusal } from '../../kernel/problems.js';
import { DonationsStore, type DonationView } from './donations.store.js';
import { Pledges } from './pledges.service.js';

@Injectable()
export class Gifts {
  constructor(
    private readonly store: DonationsStore,
    private readonly pledges: Pledges,
  ) {}

  /** For whoever gave, by himself or by the token of his promise, and for admins. */
  async ofDonor(id: string, caller: Caller | undefined, token: string | undefined): Promise<DonationView> {
    const byToken = token !== undefined && this.pledges.isDonors(id, token);
    const reader = byToken ? undefined : readerOf(caller, 'Sign in, or send the `statusToken` of the gift as `token`.');
    const gift = await this.store.find(id);
    if (!gift || (reader && reader.role !== 'admin' && reader.id !== gift.userId)) throw new Refusal('not_found', 'There is no such gift.');
    return gift;
  }
}
