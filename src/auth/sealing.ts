import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Key } from '../config/keys.js';

const METHOD = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Sealed for one owner: what stands in another's row opens nothing. */
export function seal({ secret }: Key, owner: string, plain: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(METHOD, secret, nonce).setAAD(Buffer.from(owner));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** With the first of the keys that fits, if one does. */
export function unseal(keys: readonly Key[], owner: string, sealed: Buffer): Buffer | undefined {
  for (const { secret } of keys) {
    const decipher = createDecipheriv(METHOD, secret, sealed.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(owner));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch {
      // Sealed with another key.
    }
  }
  return undefined;
}
