import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { mostTokensOf } from './counting.js';

export type Count = (text: string) => number;

/** Families of models whose tokenizer is known, and where it is. */
const families = [
  { models: /^(?:chatgpt-4o|gpt-(?:4o|4\.1|4\.5|5|oss)|o[134])(?![a-z\d])/, load: () => import('gpt-tokenizer/encoding/o200k_base') },
  { models: /^gpt-(?:4|3\.5)(?![a-z\d])/, load: () => import('gpt-tokenizer/encoding/cl100k_base') },
] as const;

/** The tokenizer takes time by the square of what has no break in it. */
const MOST_LETTERS = 128;
/** What is longer is counted by its bytes: nobody waits for one who sends a book. */
const MOST_TEXT = 65_536;

/** What marks the end of a text for a model is a text like any other where somebody says it. */
const AS_WORDS = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

/** Counts as models do whose tokenizer is known, and by bytes for all others. */
@Injectable()
export class Tokenizers implements OnModuleInit {
  private readonly known = new Map<(typeof families)[number], Count>();
  private readonly models: readonly string[];

  constructor(@Inject(CONFIG) { AI_BASE_URL, AI_MODEL, AI_FALLBACK_BASE_URL, AI_FALLBACK_MODEL }: Config) {
    // Where another may answer in its place, that one's tokenizer counts as much.
    this.models = AI_BASE_URL && AI_MODEL && !(AI_FALLBACK_BASE_URL && AI_FALLBACK_MODEL) ? [AI_MODEL] : [];
  }

  /** Before anybody asks: it takes a while. */
  async onModuleInit(): Promise<void> {
    for (const model of this.models) {
      const family = familyOf(model);
      if (!family) continue;
      const { countTokens } = await family.load();
      this.known.set(family, (text) => countTokens(text, AS_WORDS));
    }
  }

  /** Nothing where nobody knows. */
  for(model: string): Count | undefined {
    const family = familyOf(model);
    const count = family && this.known.get(family);
    return count && ((text) => (text.length > MOST_TEXT ? mostTokensOf(text) : inPieces(text, count)));
  }
}

/** Names of resellers have the maker's before them. */
const familyOf = (model: string) => families.find(({ models }) => models.test(model.slice(model.lastIndexOf('/') + 1)));

/** A few more than of the whole, never fewer. */
function inPieces(text: string, count: Count): number {
  let sum = 0;
  for (let at = 0; at < text.length; at += MOST_LETTERS) sum += count(text.slice(at, at + MOST_LETTERS));
  return sum;
}
