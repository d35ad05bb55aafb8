import { z } from 'zod';
import type { Verdict } from '../http/limits/meter.js';
import { WINDOW_SECONDS } from '../http/limits/rules.js';
import { normalPhone } from './phone.js';
import type { User } from './user.entity.js';

const MOST_NAME_LETTERS = 120;

export const nameShape = z
  .string()
  .trim()
  .max(MOST_NAME_LETTERS, `must have at most ${MOST_NAME_LETTERS} characters`)
  .regex(/^[^\p{Cc}\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\u3164\ufeff]*$/u, 'must be one line of plain text')
  .regex(/[\p{L}\p{N}]/u, 'must hold a letter');

export const phoneShape = z
  .string()
  .transform((given) => normalPhone(given) ?? '')
  .refine((phone) => phone !== '', 'must be a telephone number in E.164, such as +5511987654321')
  .meta({ type: 'string', examples: ['+5511987654321'] });

export const profileChangeShape = z
  .strictObject({ name: nameShape.optional(), phone: phoneShape.nullable().optional(), messagingConsent: z.boolean().optional() })
  .meta({ id: 'ProfileChange' });
export type ProfileChangeBody = z.output<typeof profileChangeShape>;

export const profileShape = z
  .object({
    id: z.uuid(),
    email: z.string(),
    emailVerified: z.boolean(),
    name: z.string(),
    role: z.enum(['donor', 'organizer', 'admin']),
    plan: z.string(),
    phone: z.string().nullable(),
    messagingConsent: z.boolean(),
    consentAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Profile' });

const rateShape = z.object({
  ...{ name: z.string(), kind: z.literal('rate'), limit: z.int(), perSeconds: z.int() },
  ...{ remaining: z.int(), fullInSeconds: z.int() },
});
const budgetShape = z.object({
  ...{ name: z.string(), kind: z.literal('budget'), limit: z.number(), used: z.number(), reserved: z.number() },
  ...{ remaining: z.number(), fullInSeconds: z.int() },
});

export const limitShape = z.discriminatedUnion('kind', [rateShape, budgetShape]).meta({ id: 'Limit' });

export const limitOf = ({ rule, remaining, fullIn }: Verdict) => ({
  name: rule.name,
  kind: 'rate',
  limit: rule.limit,
  perSeconds: WINDOW_SECONDS,
  remaining,
  fullInSeconds: fullIn,
});

export const profileOf = (user: User) => ({
  id: user.id,
  email: user.email,
  emailVerified: user.emailVerifiedAt !== null,
  name: user.name,
  role: user.role,
  plan: user.plan,
  phone: user.phone,
  messagingConsent: user.messagingConsent,
  consentAt: user.consentAt,
  createdAt: user.createdAt,
});
