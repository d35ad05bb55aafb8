import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const WRITTEN = /^mt_([\w-]{22})[\w-]{43}$/;
const SECRET_BYTES = 32;

/** A key with its id in it. Random as it is, a plain digest hides it. */
export const newKey = (id: string): string =>
  `mt_${Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url')}${randomBytes(SECRET_BYTES).toString('base64url')}`;

export const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest();

/** The id that a text names, where it looks like a key. */
export function keyIdIn(text: string): string | undefined {
  const [, id] = WRITTEN.exec(text) ?? [];
  if (id === undefined) return undefined;
  const hex = Buffer.from(id, 'base64url').toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export const isKeyOf = (digest: Buffer, key: string): boolean => timingSafeEqual(digest, digestOf(key));
