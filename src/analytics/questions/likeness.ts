import { createHash } from 'node:crypto';
import { SCHEMA_VERSION } from '../datasets/published.js';
import type { Said } from './meaning.js';
import type { Concept } from './model.js';
import { bare, conceptAt, tokensOf } from './words.js';

/** What has to be equal to the letter, and what only has to mean the same. */
export interface Likeness {
  key: Buffer;
  concepts: string;
}

export interface Scope {
  owner: string | null;
  /** Of what is exported. */
  version: string;
}

/** Grows when questions come to be understood in another way. */
const READING = 3;
const keyOf = ({ owner, version }: Scope, ...literal: unknown[]): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([owner ?? 'all', SCHEMA_VERSION, READING, version, ...literal]))
    .digest();

/**
 * Two questions are one for the rules where they say the same: numbers, days, names and denials to the letter, and the same figure by the
 * same. What has a word that means nothing is like no other.
 */
export function likenessOf(saying: Said, scope: Scope): Likeness | null {
  const { subject, measure, by, filters, period, order, limit, unknown, leansOnTheLast } = saying;
  if (unknown.length > 0) return null;
  return {
    key: keyOf(scope, 'rules', filters, period, limit, leansOnTheLast),
    concepts: [subject, measure, order, ...by].map((part) => part ?? '–').join(' '),
  };
}

/** What is the same thing in any question. */
const things: ReadonlySet<Concept> = new Set(['gifts', 'donors', 'campaigns', 'messages', 'ai', 'tokens', 'calls']);

/** Nobody knows what a model makes of a word: all of them, and all signs, are to the letter, and the day; only things may have another name. */
export function likenessForModel(question: string, today: string, scope: Scope): Likeness {
  const { words, names } = tokensOf(question);
  const literal: string[] = [];
  const concepts: string[] = [];
  for (const [at, word] of words.entries()) {
    const found = conceptAt([bare(word)], 0);
    if (found && things.has(found.concept)) concepts.push(`${at}:${found.concept}${word.endsWith('s') ? 's' : ''}`);
    else literal.push(`${at}:${word}`);
  }
  return { key: keyOf(scope, 'model', today, names, literal), concepts: concepts.join(' ') };
}
