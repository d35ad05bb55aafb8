import { createHash } from 'node:crypto';
import { SCHEMA_VERSION } from '../datasets/published.js';
import { countOf, timeAt } from './dates.js';
import { silent } from './model.js';
import { conceptAt, NAME, wordsOf } from './words.js';

/** What has to be equal to the letter, and what only has to mean the same. */
export interface Likeness {
  key: Buffer;
  concepts: string;
}

interface Scope {
  owner: string | null;
  /** Of what is exported. */
  version: string;
  by: 'rules' | 'model';
}

/**
 * Two questions are one where numbers, days, names and denials are the same, what is unknown is the same to the letter, and the rest
 * means the same in the same order; only what it is told by (“por campanha”) may stand elsewhere.
 */
export function likenessOf(question: string, today: string, { owner, version, by }: Scope): Likeness {
  const { words, names } = wordsOf(question);
  const literal: string[] = [...names];
  const concepts: string[] = [];
  const groups: string[] = [];
  const times: string[] = [];
  for (let at = 0; at < words.length;) {
    const word = words[at] ?? '';
    const time = timeAt(words, at, today);
    const found = conceptAt(words, at);
    if (time) {
      times.push(`${time.period.from}/${time.period.to}`);
      at += time.length;
    } else if (word === NAME || /^\d/.test(word)) {
      literal.push(`${concepts.length}:${word}`);
      at += 1;
    } else if (found) {
      const next = found.concept === 'per' ? conceptAt(words, at + found.length) : undefined;
      if (found.concept === 'not') literal.push(`${concepts.length}:not`);
      if (next) groups.push(`per ${next.concept}`);
      else concepts.push(found.concept);
      at += found.length + (next?.length ?? 0);
    } else {
      if (countOf(word) !== undefined) literal.push(`${concepts.length}:${countOf(word) ?? ''}`);
      else if (!silent.has(word)) concepts.push(`=${word}`);
      at += 1;
    }
  }
  const scope = [owner ?? 'all', String(SCHEMA_VERSION), version, by, ...literal, ...times];
  return { key: createHash('sha256').update(JSON.stringify(scope)).digest(), concepts: [...concepts, ...groups.sort()].join(' ') };
}
