import { createHash, createHmac, createSecretKey, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { Config } from './config.js';

const KEY_BYTES = 32;

/** A key for one use, made of SECRET_KEY: what signs for one use proves nothing for another. */
export interface Key {
  id: string;
  secret: KeyObject;
}

export class Keys {
  private readonly secrets: readonly string[];

  constructor({ SECRET_KEY, SECRET_KEY_PREVIOUS }: Pick<Config, 'SECRET_KEY' | 'SECRET_KEY_PREVIOUS'>) {
    if (!SECRET_KEY) throw new Error('SECRET_KEY is not set');
    this.secrets = SECRET_KEY_PREVIOUS ? [SECRET_KEY, SECRET_KEY_PREVIOUS] : [SECRET_KEY];
  }

  /** The first one signs; the one before it is still believed while keys are changed. */
  for(use: string): readonly [Key, ...Key[]] {
    return this.secrets.map((secret) => keyOf(secret, use)) as [Key, ...Key[]];
  }
}

type Part = string | Buffer;

export function proofBy({ secret }: Key, ...parts: Part[]): string {
  const made = createHmac('sha256', secret);
  for (const part of parts) made.update(part);
  return made.digest('base64url');
}

/** As texts, so that one proof has one way to be written; without telling by the time it takes how much of it is right. */
export function isSameProof(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Makes proofs with the key of now, and believes those of the one before. */
export class Proofs {
  constructor(private readonly keys: readonly [Key, ...Key[]]) {}

  of(...parts: Part[]): string {
    return proofBy(this.keys[0], ...parts);
  }

  isOurs(proof: string, ...parts: Part[]): boolean {
    return this.keys.some((key) => isSameProof(proof, proofBy(key, ...parts)));
  }
}

// As objects: of a text Node makes one anew for each use, which takes fifty times as long.
function keyOf(secret: string, use: string): Key {
  const bytes = Buffer.from(hkdfSync('sha256', secret, 'mutirao', use, KEY_BYTES));
  return { id: createHash('sha256').update(bytes).digest('base64url').slice(0, 8), secret: createSecretKey(bytes) };
}
