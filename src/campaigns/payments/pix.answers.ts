import { z } from 'zod';
import { centsOf } from '../reais.js';

/** What API Pix 2.9 says, of which the rest is for others. */
const amount = z.string().transform((text, context) => {
  const cents = centsOf(text);
  if (cents !== undefined) return cents;
  context.addIssue({ code: 'custom', message: 'no amount' });
  return z.NEVER;
});

export const tokenShape = z.object({
  access_token: z.string().regex(/^[!-~]+$/),
  expires_in: z.coerce.number().positive().default(60),
});

export const chargeShape = z.object({
  txid: z.string(),
  /** Grows with their versions, so that a new one is no fault. */
  status: z.string(),
  chave: z.string(),
  valor: z.object({ original: amount }),
  pixCopiaECola: z.string().optional(),
  pix: z
    .array(
      z.object({
        endToEndId: z.string().regex(/^[a-zA-Z0-9]{32}$/),
        valor: amount,
        devolucoes: z.array(z.object({ valor: amount, status: z.string() })).default([]),
      }),
    )
    .default([]),
});

export const refundShape = z.object({ id: z.string(), valor: amount, status: z.string() });

/** What of a refusal may be logged: a value can be somebody's key. */
export const problemShape = z
  .object({
    type: z.string(),
    title: z.string(),
    violacoes: z.array(z.object({ razao: z.string(), propriedade: z.string() }).partial()).max(50),
    /** Of the token's address, which speaks OAuth2. */
    error: z.string(),
  })
  .partial()
  .catch({});
