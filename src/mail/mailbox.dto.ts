import { z } from 'zod';
import { notBoth, notBothFault, pagedQuery, pagedShape } from '../http/lists.js';

export const mailboxQueryShape = z.object({ ...pagedQuery, to: z.string().optional() }).refine(notBoth, notBothFault);
export type MailboxQuery = z.output<typeof mailboxQueryShape>;

export const mailboxShape = pagedShape(
  z.object({ id: z.uuid(), to: z.string(), subject: z.string(), text: z.string(), at: z.iso.datetime() }),
);
