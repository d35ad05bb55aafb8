import { Injectable } from '@nestjs/common';
import { Questions } from '../../database/questions.js';

export interface Receipt {
  number: string;
  donationId: string;
  amountCents: number;
  currency: string;
  campaignTitle: string;
  organizerName: string;
  /** Nothing where the person is gone. */
  donorName: string | null;
  paidAt: Date;
  issuedAt: Date;
  refunded: boolean;
}

const VIEW = `SELECT r.number::text, r.donation_id AS "donationId", r.amount_cents::float8 AS "amountCents", r.currency,
    r.campaign_title AS "campaignTitle", r.organizer_name AS "organizerName", d.donor_name AS "donorName", r.paid_at AS "paidAt",
    r.issued_at AS "issuedAt", d.status = 'refunded' AS refunded
  FROM receipts r JOIN donations d ON d.id = r.donation_id`;
const OF_GIFT = { name: 'receipt-of-gift', text: `${VIEW} WHERE r.donation_id = $1` };
const NUMBERED = { name: 'receipt-numbered', text: `${VIEW} WHERE r.number = $1` };

@Injectable()
export class ReceiptsStore {
  constructor(private readonly questions: Questions) {}

  async ofGift(donationId: string): Promise<Receipt | undefined> {
    const [found] = await this.questions.ask<Receipt>(OF_GIFT, [donationId]);
    return found;
  }

  async numbered(number: string): Promise<Receipt | undefined> {
    const [found] = await this.questions.ask<Receipt>(NUMBERED, [number]);
    return found;
  }
}
