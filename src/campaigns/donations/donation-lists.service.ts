import { Injectable } from '@nestjs/common';
import { stringify } from 'csv-stringify/sync';
import { DonationsStore, type ListedGift } from './donations.store.js';

const BATCH = 1_000;
/** As much as is made in a millisecond: a whole batch would keep everybody else waiting for ten. */
const PIECE = 100;

const columns: Record<keyof ListedGift, string> = {
  id: 'id',
  status: 'status',
  amountCents: 'amount_cents',
  currency: 'currency',
  method: 'method',
  name: 'name',
  email: 'email',
  message: 'message',
  anonymous: 'anonymous',
  createdAt: 'created_at',
  confirmedAt: 'confirmed_at',
  receiptNumber: 'receipt_number',
};

const options = {
  columns,
  escape_formulas: true,
  record_delimiter: 'windows',
  // Else a lone CR or LF would begin a new row.
  quote_record_delimiter: true,
  cast: { date: (at: Date) => at.toISOString(), boolean: String },
} as const;

/** The whole list of a campaign, of which never more than a batch is in memory. */
@Injectable()
export class DonationLists {
  constructor(private readonly store: DonationsStore) {}

  async *ofCampaign(campaignId: string): AsyncGenerator<string> {
    let gifts = await this.store.listed(campaignId, undefined, BATCH);
    yield stringify([], { ...options, header: true, bom: true });
    while (gifts.length > 0) {
      for (let from = 0; from < gifts.length; from += PIECE) yield stringify(gifts.slice(from, from + PIECE).map(rowOf), options);
      const last = gifts.length < BATCH ? undefined : gifts.at(-1);
      // What was read is let go at once: as garbage it would keep the next batch alive for as long as itself.
      gifts.length = 0;
      if (last !== undefined) gifts = await this.store.listed(campaignId, last.id, BATCH);
    }
  }
}

// Where the comma stands between cents, Excel begins a new cell at each semicolon, quoted or not.
const tame = (text: string | null) => text && text.replaceAll(/;(?=[\s"']*[=+\-@\uff0b\uff0d\uff1d\uff20])/g, ";'");

const rowOf = (gift: ListedGift) => ({
  ...gift,
  name: gift.anonymous ? null : tame(gift.name),
  email: gift.anonymous ? null : tame(gift.email),
  message: tame(gift.message),
});
