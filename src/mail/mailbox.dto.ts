import { z } from 'zod';

const MOST_ITEMS = 100;

export const mailboxQueryShape = z.object({
  to: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(MOST_ITEMS).default(20),
});
export type MailboxQuery = z.output<typeof mailboxQueryShape>;

export const mailboxShape = z.object({
  items: z.array(z.object({ id: z.uuid(), to: z.string(), subject: z.string(), text: z.string(), at: z.iso.datetime() })),
  nextCursor: z.null(),
});
