import { z } from 'zod';
import { completionShape } from '../ai.dto.js';

const MOST_INPUTS = 2_048;
const MOST_INPUT_TOKENS = 8_192;

const model = z.string().min(1).max(200).optional();
const text = z.string().min(1);
const tokens = z.array(z.int().nonnegative()).min(1).max(MOST_INPUT_TOKENS);

/** What decides over the budget is checked; all else is the provider's to know. */
export const embeddingsShape = z
  .looseObject({
    model,
    input: z.union([text, z.array(text).min(1).max(MOST_INPUTS), tokens, z.array(tokens).min(1).max(MOST_INPUTS)], {
      error: `must be a text, or tokens of one, or a list of at most ${MOST_INPUTS} of either, none of them empty`,
    }),
  })
  .meta({ id: 'EmbeddingsRequest' });
export type EmbeddingsBody = z.output<typeof embeddingsShape>;

const formats = ['json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json'] as const;
/** Those whose answer is no JSON. */
export const TEXT_FORMATS: readonly unknown[] = ['text', 'srt', 'vtt'];

const short = z.string().max(200).optional();

/** What nothing is kept back for: whatever else is said may be read. */
export const shortFields = {
  model,
  language: short,
  response_format: z.enum(formats).optional(),
  temperature: short,
  stream: z.literal('false', { error: 'must be false: what was heard comes whole' }).optional(),
  user: short,
};

/** What is said beside the recording. */
export const transcriptionShape = z.looseObject({ ...shortFields, prompt: z.string().optional() });

export const previewShape = completionShape
  .extend({ messages: completionShape.shape.messages.optional(), message: z.string().min(1).optional() })
  .refine(({ messages, message }) => (messages === undefined) !== (message === undefined), {
    path: ['messages'],
    message: 'must be there, or message in its place',
  })
  .meta({ id: 'AiPreviewRequest' });
export type PreviewBody = z.output<typeof previewShape>;
