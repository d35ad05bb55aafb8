import { z } from 'zod';
import { sliceShape } from '../../http/lists.js';
import type { RouteWords } from '../../http/says.js';
import { methods } from '../payments/provider.js';
import { qrCodeSvg } from '../payments/qr.js';
import type { Payment } from '../payments/provider.js';
import type { DonationView, ShownGift } from './donations.store.js';

const group = 'Donations';

const paymentShape = z
  .union([
    z.object({ method: z.literal('pix'), brCode: z.string(), qrCodeSvg: z.string(), txid: z.string(), expiresAt: z.iso.datetime() }),
    z.object({ method: z.literal('card'), clientSecret: z.string(), expiresAt: z.iso.datetime() }),
  ])
  .meta({ id: 'Payment' });

const pledgedShape = z
  .object({
    id: z.uuid(),
    status: z.literal('pending'),
    amountCents: z.int(),
    currency: z.string(),
    payment: paymentShape,
    statusToken: z.string(),
  })
  .meta({ id: 'PledgedDonation' });

const donationShape = z
  .object({
    id: z.uuid(),
    campaign: z.object({ id: z.uuid(), slug: z.string(), title: z.string() }),
    status: z.enum(['pending', 'confirmed', 'refunded', 'failed', 'expired']),
    amountCents: z.int(),
    currency: z.string(),
    method: z.enum(methods),
    message: z.string().nullable(),
    anonymous: z.boolean(),
    createdAt: z.iso.datetime(),
    confirmedAt: z.iso.datetime().nullable(),
    payment: paymentShape.nullable(),
    receiptNumber: z.string().nullable(),
    refund: z
      .object({
        status: z.enum(['pending', 'done', 'failed']),
        reason: z.string().nullable(),
        requestedAt: z.iso.datetime(),
        doneAt: z.iso.datetime().nullable(),
      })
      .nullable(),
  })
  .meta({ id: 'Donation' });

const shownShape = z
  .object({
    id: z.uuid(),
    name: z.string().nullable(),
    message: z.string().nullable(),
    amountCents: z.int(),
    confirmedAt: z.iso.datetime(),
  })
  .meta({ id: 'ShownDonation' });

/** With the picture of its code, which is made of the code whenever it is sent. */
export const paymentOf = (payment: Payment) => {
  if (payment.method === 'card') return payment;
  const { method, brCode, txid, expiresAt } = payment;
  return { method, brCode, qrCodeSvg: qrCodeSvg(brCode), txid, expiresAt };
};

export const ownOf = (gift: DonationView) => ({
  id: gift.id,
  campaign: { id: gift.campaignId, slug: gift.campaignSlug, title: gift.campaignTitle },
  status: gift.status,
  amountCents: gift.amountCents,
  currency: gift.currency,
  method: gift.method,
  message: gift.message,
  anonymous: gift.anonymous,
  createdAt: gift.createdAt,
  confirmedAt: gift.confirmedAt,
  payment: null,
  receiptNumber: gift.receiptNumber,
  refund: gift.refundStatus && {
    status: gift.refundStatus,
    reason: gift.refundReason,
    requestedAt: gift.refundRequestedAt,
    doneAt: gift.refundDoneAt,
  },
});

/** With what its donor still needs to pay. In a list there is none: a hundred pictures would take everybody's time. */
export const ownWithPaymentOf = (gift: DonationView) => ({
  ...ownOf(gift),
  payment: gift.status === 'pending' && gift.payment !== null ? paymentOf(JSON.parse(gift.payment) as Payment) : null,
});

export const shownOf = ({ id, name, message, amountCents, confirmedAt }: ShownGift) => ({ id, name, message, amountCents, confirmedAt });

type Route = 'give' | 'feed' | 'one' | 'mine' | 'refund' | 'list';
export const donationWords: Record<Route, RouteWords> = {
  give: {
    group,
    summary: 'Give to a campaign',
    detail:
      'Signed in, or as a guest with `donor`. `Idempotency-Key` is yours, one for each gift: the same again gets the same answer with `Idempotency-Replayed: true`, for 48 hours. The gift counts once its payment is confirmed; `statusToken` shows it to a guest.',
    headers: {
      'Idempotency-Key': { says: 'Of 1 to 255 visible ASCII characters, such as a UUID.', required: true, example: '6d8f2f0e-roof-2026' },
      'X-Sandbox-Behaviour': {
        says: 'How a payment by the sandbox goes: `pay` (if nothing is said), `fail`, `late` (after ten seconds), `doubled`, `reordered`, `never`.',
      },
    },
    body: { amountCents: 5_000, method: 'pix', message: 'Para as crianças', donor: { name: 'Ana Souza', email: 'ana@example.org' } },
    answers: { 201: { says: 'It is promised, and waits for its payment.', shape: pledgedShape } },
  },
  feed: {
    group,
    summary: 'Gifts to a campaign',
    detail: 'The confirmed ones, the newest first; anonymous ones without a name.',
    answers: { 200: { says: 'Some of them.', shape: sliceShape(shownShape) } },
  },
  one: {
    group,
    summary: 'One gift',
    detail: 'For whoever gave: signed in, or with `token`, the `statusToken` of its promise. For admins, too.',
    answers: { 200: { says: 'It.', shape: donationShape } },
  },
  mine: {
    group,
    summary: 'Your own gifts',
    detail: 'Without `payment`, which each gift shows by itself while it is pending.',
    answers: { 200: { says: 'The newest first.', shape: sliceShape(donationShape) } },
  },
  refund: {
    group,
    summary: 'Give a gift back',
    detail:
      'For the owner of its campaign and for admins: the whole amount, once. `refund.status` becomes `done` when the provider has done it; then the sums fall.',
    body: { reason: 'It was given twice by mistake.' },
    answers: { 202: { says: 'It is under way.', shape: donationShape } },
  },
  list: {
    group,
    summary: 'All gifts to a campaign, as a table',
    detail:
      'For its owner and for admins: every gift in every state, the oldest first, as CSV in UTF-8 with a byte order mark; anonymous ones without name and address. Nothing that donors wrote is taken for a formula. Where the connection ends before the answer does, the table is not whole.',
    answers: { 200: { says: 'The table.', shape: z.string(), type: 'text/csv' } },
  },
};
