import { z } from 'zod';
import { sliceShape } from '../../http/lists.js';
import type { RouteWords } from '../../http/says.js';
import type { HeldPayment } from './payments.store.js';

const group = 'Payments';
const received = { 200: { says: 'It is heard, and kept.', shape: z.object({ received: z.literal(true) }) } };

const heldShape = z
  .object({
    provider: z.string(),
    eventId: z.string(),
    donationId: z.uuid(),
    kind: z.enum(['paid', 'refunded']),
    amountCents: z.int(),
    askedCents: z.int().nullable(),
    reference: z.string().nullable(),
    receivedAt: z.iso.datetime(),
  })
  .meta({ id: 'HeldPayment' });

export const heldOf = ({ provider, eventId, donationId, kind, amountCents, askedCents, reference, receivedAt }: HeldPayment) => ({
  provider,
  eventId,
  donationId,
  kind,
  amountCents,
  askedCents,
  reference,
  receivedAt,
});

type Route = 'sandbox' | 'pix' | 'held' | 'resolve';
export const paymentWords: Record<Route, RouteWords> = {
  sandbox: {
    group,
    summary: 'What the sandbox tells',
    detail:
      'For the sandbox itself. The body is `{id, type: "payment.paid" | "payment.failed" | "payment.refunded", donationId, amountCents, currency, reference}`; each `id` takes effect once.',
    headers: {
      'X-Sandbox-Signature': {
        says: '`t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body" by SANDBOX_WEBHOOK_SECRET>`, else 401.',
        required: true,
      },
    },
    answers: received,
  },
  pix: {
    group,
    summary: 'What the bank tells of Pix',
    detail:
      'For the bank, at the address with PIX_WEBHOOK_SECRET that it was given (else 401), with or without `/pix` behind it. Nothing of the body is believed: each charge that it names is asked about at the bank.',
    answers: received,
  },
  held: {
    group,
    summary: 'Payments that are held',
    detail: 'Of another amount than asked, paid a second time, or given back in part. For admins.',
    answers: { 200: { says: 'The oldest first.', shape: sliceShape(heldShape) } },
  },
  resolve: {
    group,
    summary: 'Decide on a held payment',
    detail:
      '`accept` confirms its gift with what was paid, where none is confirmed yet (else 409); `dismiss` leaves it to be given back at the provider.',
    body: { outcome: 'accept' },
    answers: { 200: { says: 'It is decided.', shape: z.object({ outcome: z.enum(['accept', 'dismiss']) }) } },
  },
};
