import { wordsOf, type Json } from './openai.answers.js';

const BYTES_A_SECOND = 2_000;

/** What came in a form, read by another reader than ours. */
export async function formIn(body: Buffer, type: string): Promise<Json> {
  const reader: { formData: () => Promise<FormData> } = new Response(new Uint8Array(body), { headers: { 'content-type': type } });
  const form = await reader.formData();
  const read: Json = {};
  for (const [name, value] of form) {
    const one = typeof value === 'string' ? value : { name: value.name, type: value.type, bytes: value.size };
    read[name] = name in read ? [read[name], one].flat() : one;
  }
  return read;
}

export const secondsOf = ({ file }: Json): number => Math.ceil((file as { bytes: number }).bytes / BYTES_A_SECOND);

/** What was heard, in the shape that was asked for. */
export function heardIn({ response_format: format }: Json, words: number): { type: string; body: unknown } {
  const text = wordsOf(words);
  if (format === 'text') return { type: 'text/plain; charset=utf-8', body: `${text}\n` };
  if (format === 'srt') return { type: 'text/plain; charset=utf-8', body: `1\n00:00:00,000 --> 00:00:01,000\n${text}\n` };
  if (format === 'vtt') return { type: 'text/vtt', body: `WEBVTT\n\n00:00.000 --> 00:01.000\n${text}\n` };
  return { type: 'application/json', body: format === 'verbose_json' ? { text, language: 'portuguese', segments: [] } : { text } };
}

export const heardUsage = (form: Json): Json => ({ type: 'duration', seconds: secondsOf(form) });
