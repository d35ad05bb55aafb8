import { z } from 'zod';

export const sandboxEventShape = z
  .object({
    id: z.string().min(1).max(200),
    type: z.enum(['payment.paid', 'payment.failed', 'payment.refunded']),
    donationId: z.uuid(),
    amountCents: z.int().min(1).max(1_000_000_000_000).optional(),
    currency: z.literal('BRL').default('BRL'),
    reference: z.string().max(200).optional(),
  })
  .refine(({ type, amountCents }) => type !== 'payment.paid' || amountCents !== undefined, { path: ['amountCents'], message: 'is needed' })
  .meta({ id: 'SandboxEvent' });
export type SandboxEvent = z.output<typeof sandboxEventShape>;

export const heldResolveShape = z.strictObject({ outcome: z.enum(['accept', 'dismiss']) }).meta({ id: 'HeldPaymentOutcome' });
export type HeldResolveBody = z.output<typeof heldResolveShape>;
