import { z } from 'zod';
import type { RouteWords } from '../../http/says.js';
import { standingShape } from '../ai.words.js';
import { transcriptionShape } from './passing.dto.js';

const group = 'AI';

const embeddingsShape = z
  .looseObject({ object: z.literal('list'), model: z.string(), data: z.array(z.looseObject({})) })
  .meta({ id: 'Embeddings' });

const previewShape = z
  .object({
    model: z.string(),
    promptTokens: z.int(),
    completionTokens: z.int(),
    totalTokens: z.int(),
    costUsd: z.number(),
    fits: z.boolean(),
    budget: standingShape,
  })
  .meta({ id: 'AiPreview' });

export const passingWords: Record<'embed' | 'hear' | 'preview', RouteWords> = {
  embed: {
    group,
    summary: 'Have texts turned into figures',
    detail:
      'As OpenAI has it; name a model that makes embeddings. What the bytes of the texts, and of whatever else has words, may cost is kept back from the budget of the day, and what the provider says it did cost is charged. Errors have the shape of OpenAI.',
    body: { input: ['Telhado novo', 'Horta da escola'] },
    answers: { 200: { says: 'One list of figures for each text.', shape: embeddingsShape } },
  },
  hear: {
    group,
    summary: 'Have a recording written down',
    detail:
      'As OpenAI has it, with at most 25 MiB and without `stream`; name a model that hears. One token for each 75 bytes of the file, or ten for each second that a WAVE file has by its own rates where that is more, is kept back from the budget of the day, and one for each byte of the prompt and of any other field that is not known to be short; charged are the tokens that the provider says, or ten for each second that it says, and otherwise what was kept back. `text`, `srt` and `vtt` are answered as text. Errors have the shape of OpenAI.',
    upload: transcriptionShape.extend({ file: z.file() }).meta({ id: 'TranscriptionRequest' }),
    body: { file: 'recado.ogg', response_format: 'json' },
    answers: {
      200: { says: 'What was heard.', shape: z.looseObject({ text: z.string() }).meta({ id: 'Transcription' }), alsoTypes: ['text/plain'] },
    },
  },
  preview: {
    group,
    summary: 'What a question would cost at most',
    detail:
      'Takes what `/v1/chat/completions` takes, or a `message` alone, without what a conversation would add to it. Tells what would be kept back for it now, the price of that, and whether it fits into what is left of the budget. Nobody is asked, and it costs nothing.',
    body: { messages: [{ role: 'user', content: 'Quais campanhas precisam de ajuda?' }], max_tokens: 500 },
    answers: { 200: { says: 'At most that.', shape: previewShape } },
  },
};
