import { Injectable } from '@nestjs/common';
import { EarlyAnswers, type Said } from '../../http/early.js';
import { Budget } from '../budget/budget.service.js';
import type { Standing } from '../budget/budget.store.js';
import { budgetLines } from '../budget/budget.words.js';
import { KeptAnswers } from './kept.answers.js';

const ROUTE = '/v1/chat/completions';
const MOST = 1_000;
const MOST_LETTERS = 16_384;

interface Known {
  name: string;
  model: string;
}

/** Of how somebody stood, which is asked anew after a second. */
const written = new WeakMap<Standing, string>();
function linesOf(standing: Standing): string {
  const lines = written.get(standing) ?? `X-Cache: HIT\r\n${budgetLines(standing)}`;
  written.set(standing, lines);
  return lines;
}

/** Bodies that were answered by what is kept: who sends the very same again is answered without their being read once more. */
@Injectable()
export class KnownWords {
  private readonly known = new Map<string, Known>();

  constructor(
    early: EarlyAnswers,
    private readonly kept: KeptAnswers,
    private readonly budget: Budget,
  ) {
    early.on(ROUTE, (text) => {
      const known = this.known.get(text);
      return known && ((userId) => this.say(known, userId));
    });
  }

  note(text: string | undefined, known: Known): void {
    if (text === undefined || text.length > MOST_LETTERS || this.known.has(text)) return;
    if (this.known.size >= MOST) this.known.delete(this.known.keys().next().value!);
    this.known.set(text, known);
  }

  private say({ name, model }: Known, userId: string): Said | undefined {
    const answer = this.kept.peek(name);
    const standing = answer && this.budget.justNow(userId);
    if (!standing) return undefined;
    this.budget.saved(userId, model, answer.tokens);
    return { type: 'application/json; charset=utf-8', lines: linesOf(standing), body: answer.bytes };
  }
}
