import { z } from 'zod';
import { normalEmail } from '../../kernel/email.js';
import { nameShape, phoneShape } from '../../users/users.dto.js';
import { methods } from '../payments/provider.js';
import { behaviours } from '../payments/sandbox.queue.js';

const LEAST_CENTS = 100;
const MOST_CENTS = 100_000_000;
const MOST_MESSAGE_LETTERS = 500;

const textShape = (most: number) =>
  z
    .string()
    .trim()
    .max(most)
    .regex(/^[^\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$/u, 'must be one line of plain text');

const guestShape = z
  .strictObject({
    name: nameShape,
    email: z
      .string()
      .transform((given) => normalEmail(given) ?? '')
      .refine((email) => email !== '', 'must be an e-mail address')
      .meta({ type: 'string', format: 'email' }),
    phone: phoneShape.optional(),
    messagingConsent: z.boolean().default(false),
  })
  .meta({ id: 'Guest' });

export const pledgeShape = z
  .strictObject({
    amountCents: z.int().min(LEAST_CENTS).max(MOST_CENTS),
    currency: z.literal('BRL').default('BRL'),
    method: z.enum(methods),
    message: textShape(MOST_MESSAGE_LETTERS).optional(),
    anonymous: z.boolean().default(false),
    donor: guestShape.optional(),
  })
  .meta({ id: 'NewDonation' });
export type PledgeBody = z.output<typeof pledgeShape>;

export const behaviourShape = z.enum(behaviours).optional();

export const refundShape = z.strictObject({ reason: textShape(MOST_MESSAGE_LETTERS).min(1) }).meta({ id: 'NewRefund' });
export type RefundBody = z.output<typeof refundShape>;

export const donationQuery = z.object({ token: z.string().max(200).optional() });
export type DonationQuery = z.output<typeof donationQuery>;
