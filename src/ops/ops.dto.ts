import { z } from 'zod';

const MOST_TAGS = 100;
const tag = z
  .string()
  .min(1)
  .max(200)
  .regex(/^\P{Cs}*$/u, 'must be plain text');

export const invalidationShape = z
  .strictObject({ tags: z.array(tag).min(1).max(MOST_TAGS), prefix: tag, all: z.literal(true) })
  .partial()
  .refine((what) => Object.keys(what).length === 1, 'name one of tags, prefix and all')
  .meta({ id: 'CacheInvalidation' });
export type Invalidation = z.output<typeof invalidationShape>;
