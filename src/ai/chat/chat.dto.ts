import { z } from 'zod';
import { listQuery } from '../../http/lists.js';

const MOST_LETTERS = 20_000;

export const chatShape = z
  .strictObject({
    message: z
      .string()
      .trim()
      .min(1)
      .max(MOST_LETTERS)
      .regex(/^[^\0]*$/, 'must not hold the character NUL'),
    conversationId: z.uuid().toLowerCase().optional(),
    stream: z.boolean().optional(),
  })
  .meta({ id: 'ChatRequest' });
export type ChatBody = z.output<typeof chatShape>;

/** Of one conversation as many turns as it tells at once. */
export const turnsQuery = z.object({ cursor: listQuery.cursor });
export type TurnsQuery = z.output<typeof turnsQuery>;
