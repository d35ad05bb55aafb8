import { z } from 'zod';
import { excessOf } from '../../http/depth.js';
import type { Usage } from './provider.js';

export type Json = Record<string, unknown>;

const LONGEST = 300;

/** `undefined` where the text is no JSON object, or one so deep that nobody meant it. */
export function objectIn(text: string): Json | undefined {
  try {
    if (excessOf(Buffer.from(text))) return undefined;
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

const count = z.int().nonnegative();
const usageShape = z.object({ usage: z.object({ prompt_tokens: count, completion_tokens: count }) });
const embeddingsUsageShape = z.object({ usage: z.object({ prompt_tokens: count }) });

export function usageOf(body: Json): Usage | undefined {
  const { data } = usageShape.safeParse(body);
  return data && { promptTokens: data.usage.prompt_tokens, completionTokens: data.usage.completion_tokens };
}

export function embeddingsUsageOf(body: Json): Usage | undefined {
  const { data } = embeddingsUsageShape.safeParse(body);
  return data && { promptTokens: data.usage.prompt_tokens, completionTokens: 0 };
}

/** Where a second is told instead of tokens. */
const TOKENS_OF_A_SECOND = 10;
const heardUsageShape = z.object({
  usage: z.discriminatedUnion('type', [
    z.object({ type: z.literal('tokens'), input_tokens: count, output_tokens: count }),
    z.object({ type: z.literal('duration'), seconds: z.number().nonnegative() }),
  ]),
});

export function heardUsageOf(body: Json): Usage | undefined {
  const told = heardUsageShape.safeParse(body).data?.usage;
  if (told?.type === 'duration') return { promptTokens: Math.ceil(told.seconds * TOKENS_OF_A_SECOND), completionTokens: 0 };
  return told && { promptTokens: told.input_tokens, completionTokens: told.output_tokens };
}

const short = z
  .string()
  .transform((told) => told.slice(0, LONGEST))
  .optional()
  .catch(undefined);
const problemShape = z.object({ message: short, type: short, param: short, code: short }).catch({});

/** What of a provider's refusal may be shown to others. */
export const problemOf = (body: Json | undefined): Json => ({ error: problemShape.parse(body?.error) });
