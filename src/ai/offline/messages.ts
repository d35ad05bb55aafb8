/** Of messages as OpenAI's API has them, what was said in words; whatever else they hold is passed over. */
export interface Said {
  role: unknown;
  texts: string[];
}

export function saidIn(messages: unknown): Said[] {
  return listOf(messages).map((message) => ({ role: fieldOf(message, 'role'), texts: textsOf(fieldOf(message, 'content')) }));
}

/** The last words of the one who asks; nobody else is listened to. */
export const lastAsked = (said: readonly Said[]): string => said.findLast(({ role }) => role === 'user')?.texts.join('\n') ?? '';

function textsOf(content: unknown): string[] {
  if (typeof content === 'string') return [content];
  return listOf(content)
    .filter((part) => fieldOf(part, 'type') === 'text')
    .map((part) => fieldOf(part, 'text'))
    .filter((text) => typeof text === 'string');
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
