import { z } from 'zod';

const MOST_MESSAGES = 1_000;
const MOST_TOKENS = 1_000_000;
const MOST_BUDGET = 1_000_000_000;
const MOST_USD = 1_000_000;

const tokens = z.int().min(1).max(MOST_TOKENS).nullish();

const unpriced = z.null('is not passed on, as it has no price here').optional();

/** What decides over the budget is checked; all else is the provider's to know. */
export const completionShape = z
  .looseObject({
    model: z.string().min(1).max(200).optional(),
    messages: z
      .array(z.looseObject({ role: z.string() }))
      .min(1)
      .max(MOST_MESSAGES),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    max_tokens: tokens,
    max_completion_tokens: tokens,
    n: z.literal(1).nullish(),
    best_of: z.literal(1).nullish(),
    service_tier: z.enum(['auto', 'default', 'flex']).nullish(),
    // Of other models, and of searches, nobody knows the price here.
    ...{ models: unpriced, route: unpriced, fallbacks: unpriced, plugins: unpriced, web_search_options: unpriced },
    ...{ search_parameters: unpriced, audio: unpriced, extra_body: unpriced },
    modalities: z.array(z.literal('text')).nullish(),
    tools: z.array(z.looseObject({ type: z.enum(['function', 'custom']).optional() })).nullish(),
  })
  .meta({ id: 'ChatCompletionRequest' });
export type CompletionBody = z.output<typeof completionShape>;

export const budgetShape = z
  .strictObject({
    dailyTokens: z.int().min(0).max(MOST_BUDGET).nullable(),
    dailyUsd: z.number().min(0).max(MOST_USD).nullable(),
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'nothing is to be changed')
  .meta({ id: 'AiBudgetChange' });
export type BudgetBody = z.output<typeof budgetShape>;

export const grantShape = z
  .strictObject({
    tokens: z.int().min(1).max(MOST_BUDGET),
    reason: z.string().trim().min(1).max(500),
    expiresAt: z.iso
      .datetime({ offset: true })
      .transform((given) => new Date(given))
      .refine((at) => at.getTime() > Date.now(), 'must be in the future'),
  })
  .meta({ id: 'AiGrant' });
export type GrantBody = z.output<typeof grantShape>;
