import { createHash } from 'node:crypto';

/** How texts are compared: by what they say, not by how they are typed. */
const alike = (text: string): string => text.normalize('NFC').trim().replaceAll(/\s+/gu, ' ').toLowerCase();

/** The same for equal questions: same model and parameters in whatever order, and texts that say the same. */
export function keyOf(asked: Readonly<Record<string, unknown>>, streaming: boolean): string {
  const { messages, stream_options: _, ...parameters } = asked;
  const all = JSON.stringify([streaming, ordered(parameters), spoken(messages)]);
  return createHash('sha256').update(all).digest('base64url');
}

function spoken(messages: unknown): unknown {
  if (!Array.isArray(messages)) return messages;
  return messages.map((message: unknown) => {
    if (!isRecord(message)) return message;
    const { content, ...rest } = message;
    return [ordered(rest), Array.isArray(content) ? content.map(partOf) : textOf(content)];
  });
}

const partOf = (part: unknown): unknown =>
  isRecord(part) && part.type === 'text' ? ordered({ ...part, text: textOf(part.text) }) : ordered(part);
const textOf = (value: unknown): unknown => (typeof value === 'string' ? alike(value) : ordered(value));

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, ordered(value[name])]),
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
