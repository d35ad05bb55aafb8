import { z } from 'zod';
import type { RouteWords } from '../../http/says.js';
import type { Receipt } from './receipts.store.js';

const group = 'Donations';

const checkedShape = z
  .object({
    valid: z.literal(true),
    number: z.string(),
    amountCents: z.int(),
    currency: z.string(),
    campaignTitle: z.string(),
    paidAt: z.iso.datetime(),
    refunded: z.boolean(),
  })
  .meta({ id: 'CheckedReceipt' });

export const checkedOf = ({ number, amountCents, currency, campaignTitle, paidAt, refunded }: Receipt) => ({
  valid: true,
  ...{ number, amountCents, currency, campaignTitle, paidAt, refunded },
});

export const receiptWords: Record<'pdf' | 'check', RouteWords> = {
  pdf: {
    group,
    summary: 'The receipt of a gift',
    detail:
      'For whoever gave: signed in, or with `token`, the `statusToken` of its promise. For admins, too. It is issued within seconds of the payment; until then 404. Characters that its font lacks are printed as `?`.',
    answers: { 200: { says: 'The receipt, in Portuguese.', shape: z.string(), type: 'application/pdf' } },
  },
  check: {
    group,
    summary: 'Whether a receipt is ours',
    detail: 'For anyone who holds it: its code leads here. It does not tell who gave.',
    answers: { 200: { says: 'It is, and this is what it is for.', shape: checkedShape } },
  },
};
