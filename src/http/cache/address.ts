import type { FastifyRequest } from 'fastify';
import type { CachePolicy } from '../policy.js';

const LONGEST_NAME = 512;
const LONGEST_TAG = 200;
const MOST_TAGS = 16;
const BETWEEN = '\0';

/** What an answer is kept under in the process; `undefined` where it is too long to be kept at all. */
export function nameOf({ url, query }: FastifyRequest, policy: CachePolicy, callerId?: string): string | undefined {
  const end = url.indexOf('?');
  let name = end < 0 ? url : url.slice(0, end);
  if (callerId !== undefined) name = `me:${encodeURIComponent(callerId)}:${name}`;
  if (end >= 0 && policy.query) name += declared(query as Record<string, unknown>, policy.query);
  return name.length > LONGEST_NAME ? undefined : name;
}

function declared(query: Record<string, unknown>, names: readonly string[]): string {
  let text = '?';
  for (const name of names) if (query[name] !== undefined) text += `${name}=${JSON.stringify(query[name])}&`;
  return text;
}

/** The name with its tags, as both tiers know it. Without, the answer is not kept. */
export function addressOf(name: string, tags: readonly string[]): string | undefined {
  const sound = tags.length > 0 && tags.length <= MOST_TAGS && tags.every((tag) => tag.length <= LONGEST_TAG && !tag.includes(BETWEEN));
  return sound ? [name, ...tags].join(BETWEEN) : undefined;
}

export function partsOf(address: string): { name: string; tags: string[] } {
  const [name = '', ...tags] = address.split(BETWEEN);
  return { name, tags };
}

export const isPersonal = (address: string): boolean => address.startsWith('me:');
