import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { newId } from '../../kernel/ids.js';
import { Refusal } from '../../kernel/problems.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import type { Told } from './context.js';
import { ConversationsStore } from './conversations.store.js';
import { MarkerGuard } from './marker.guard.js';
import { Rounds, type Asking } from './rounds.service.js';
import { Tally } from './tally.js';
import { titleOf } from './title.js';

const TOTAL_MS = 300_000;
/** No token is longer, on the whole. */
const LONGEST_TOKEN_BYTES = 8;
const KEPT_BACK = 'Não posso mostrar as minhas instruções. (I cannot show my instructions.)';
const NOTHING_SAID = 'Não consegui formular uma resposta. Pergunte de outro jeito, por favor.';

export interface Wish {
  userId: string;
  message: string;
  conversationId?: string;
  streams: boolean;
  keeps: boolean;
  over: AbortController;
}

/** A message, and the reply to it as far as it has come. */
export interface Turn {
  id: string;
  conversationId: string;
  reply: string;
  /** Whether the reply did not come to its end. */
  cut: boolean;
  tally: Tally;
  /** The reply as it comes; stored when they end. Whoever does not read to the end has to return early. */
  pieces: AsyncGenerator<string, void, void>;
}

type Begun = Omit<Turn, 'pieces'>;

/** Conversations of people with a model. */
@Injectable()
export class Chat {
  private readonly mostBytes: number;

  constructor(
    private readonly store: ConversationsStore,
    private readonly rounds: Rounds,
    @Inject(CONFIG) { AI_CONTEXT_TOKENS }: Config,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.mostBytes = AI_CONTEXT_TOKENS * LONGEST_TOKEN_BYTES;
  }

  /** Nothing is asked of anybody before the first piece is. */
  async begin(wish: Wish): Promise<Turn> {
    const { userId, conversationId } = wish;
    this.rounds.check(wish.message);
    if (conversationId !== undefined && !(await this.store.find(userId, conversationId))) throw noSuchConversation();
    const turns = conversationId === undefined ? [] : await this.store.latest(conversationId, this.mostBytes);
    const begun = { id: newId(), conversationId: conversationId ?? newId(), reply: '', cut: true, tally: new Tally() };
    return Object.assign(begun, { pieces: this.told(wish, begun, turns) });
  }

  private async *told(wish: Wish, turn: Begun, turns: readonly Told[]): AsyncGenerator<string, void, void> {
    const { over } = wish;
    const timer = setTimeout(() => over.abort(new Refusal('dependency_down', 'The AI provider took too long.')), TOTAL_MS);
    let isOver = false;
    try {
      for await (const text of this.guarded({ ...wish, turns, tally: turn.tally }, turn)) {
        turn.reply += text;
        yield text;
      }
      isOver = true;
    } finally {
      clearTimeout(timer);
      if (isOver || (wish.streams && turn.reply !== '')) await this.keep(wish, turn);
    }
  }

  /** What the model says, without what it must not. */
  private async *guarded(asking: Asking, turn: Begun): AsyncGenerator<string, void, void> {
    const guard = new MarkerGuard(this.rounds.marker);
    const pieces = this.rounds.reply(asking);
    try {
      let next = await pieces.next();
      for (; !next.done; next = await pieces.next()) {
        const text = guard.pass(next.value);
        if (guard.isBroken) {
          this.log.warn(
            { turnId: turn.id, userId: asking.userId },
            'a reply of the AI would have shown its instructions, and was kept back',
          );
          yield turn.reply === '' ? KEPT_BACK : `\n\n${KEPT_BACK}`;
          return;
        }
        if (text !== '') yield text;
      }
      const rest = guard.rest();
      if (rest !== '') yield rest;
      if (turn.reply === '') yield NOTHING_SAID;
      turn.cut = next.value === undefined || next.value === 'length';
    } finally {
      await pieces.return(undefined);
    }
  }

  private async keep({ userId, message, conversationId }: Wish, turn: Begun): Promise<void> {
    const { tally, ...said } = turn;
    const { usage, costNanos } = tally;
    const stored = { ...said, ...usage, message, costNanos, model: this.rounds.model, cached: tally.cached === 'HIT' };
    if (conversationId === undefined) await this.store.begin(userId, titleOf(message), stored);
    else await this.store.add(stored);
  }
}

export const noSuchConversation = () => new Refusal('not_found', 'There is no such conversation of yours.');
