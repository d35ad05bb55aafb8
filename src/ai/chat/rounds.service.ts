import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { Keys } from '../../config/keys.js';
import { Refusal } from '../../kernel/problems.js';
import { OFFLINE_MODEL, Prices } from '../budget/prices.js';
import { Answers } from '../cache/answers.service.js';
import { mostTokensOf, promptTokensOf } from '../counting.js';
import type { Question } from '../gateway.service.js';
import { NO_USAGE, PROVIDER, type Provider, type Usage } from '../providers/provider.js';
import { CampaignTools, objectIn } from './campaign-tools.service.js';
import { trimmed, type Told } from './context.js';
import { Tokenizers, type Count } from '../tokenizers.js';
import { Hearing, type Heard, type ToolCall } from './heard.js';
import { markerBy, systemPrompt } from './system-prompt.js';
import type { Tally } from './tally.js';

const ANSWER_TOKENS = 1_024;
const MOST_ROUNDS = 3;
const MOST_CALLS = 4;
/** A model that goes on though it was told to stop is not listened to for longer. */
const MOST_REPLY_LETTERS = 65_536;
const NO_ROOM = JSON.stringify({ error: 'There is no room for more. Answer with what you have.' });

export interface Asking {
  userId: string;
  message: string;
  /** What was said before. */
  turns: readonly Told[];
  streams: boolean;
  /** Whether an equal question may be answered with what is kept of an earlier one. */
  keeps: boolean;
  over: AbortController;
  tally: Tally;
}

type Message = Record<string, unknown> & { role: string };

/** Has a model answer, and look up what it wants to know: each call of it is one of the person's budget. */
@Injectable()
export class Rounds {
  readonly marker: string;
  readonly model: string;
  private readonly system: string;
  private readonly offers: boolean;
  private readonly room: number;
  /** Known once all has begun. */
  private readonly count: () => Count;

  constructor(
    private readonly answers: Answers,
    private readonly tools: CampaignTools,
    private readonly prices: Prices,
    @Inject(PROVIDER) { model }: Provider,
    @Inject(CONFIG) { AI_CONTEXT_TOKENS }: Config,
    tokenizers: Tokenizers,
    keys: Keys,
  ) {
    this.model = model;
    this.marker = markerBy(keys);
    // The built-in model looks for itself, and by rules of its own.
    this.offers = model !== OFFLINE_MODEL;
    this.system = this.offers ? systemPrompt(this.marker) : '';
    this.room = AI_CONTEXT_TOKENS - ANSWER_TOKENS;
    this.count = () => tokenizers.for(model) ?? mostTokensOf;
  }

  /** Refused where the model could not read the message, even if nothing had been said before. */
  check(message: string): void {
    if (this.remembered({ message, turns: [] }, [])) return;
    const most = this.room - this.count()(this.system + this.toolsText());
    const words = `is too long for this model: counted as ${this.count()(message)} tokens, of about ${most} that it may have`;
    throw new Refusal('validation_failed', `The message ${words}.`, [{ path: 'message', message: words }]);
  }

  /** What a model would be asked first, where nothing was said before. */
  opening(message: string) {
    return this.asked([], message, [], this.offers);
  }

  /** The reply as it comes; at the end, why it ended. */
  async *reply(asking: Asking): AsyncGenerator<string, string | undefined, void> {
    const looked: Message[] = [];
    for (let left = this.offers ? MOST_ROUNDS : 0; ; left -= 1) {
      const heard = yield* this.said(asking, looked, left > 0);
      if (left === 0 || heard.calls.length === 0) return heard.finish;
      await this.lookUp(asking, heard, looked);
    }
  }

  /** Without tools where the provider does not take the question with them. */
  private async *said(asking: Asking, looked: Message[], offers: boolean): AsyncGenerator<string, Heard, void> {
    try {
      return yield* this.heard(asking, looked, offers);
    } catch (fault) {
      const usedTools = offers || looked.length > 0;
      if (!usedTools || !(fault instanceof Refusal) || fault.code !== 'ai_request_refused') throw fault;
      return { ...(yield* this.heard(asking, [], false)), calls: [] };
    }
  }

  private async *heard(asking: Asking, looked: readonly Message[], offers: boolean): AsyncGenerator<string, Heard, void> {
    const { userId, over, message, streams } = asking;
    over.signal.throwIfAborted();
    const turns = this.remembered(asking, looked) ?? [];
    const asked = this.asked(turns, message, looked, offers);
    const keeps = asking.keeps && turns.length === 0;
    const question = { userId, asked, over };
    // What was said before the tools were asked stands apart from what is said after.
    let gap = looked.some(({ role, content }) => role === 'assistant' && content !== null) ? '\n\n' : '';
    const hearing = new Hearing(MOST_CALLS);
    let room = MOST_REPLY_LETTERS;
    const texts = streams ? this.streamed(question, keeps, hearing, asking.tally) : this.whole(question, keeps, hearing, asking.tally);
    for await (const text of texts) {
      if (text === '') continue;
      yield gap + text.slice(0, room);
      gap = '';
      room -= text.length;
      if (room <= 0) return { ...hearing.heard(), calls: [], finish: 'length' };
    }
    const heard = hearing.heard();
    return streams ? heard : { ...heard, finish: heard.finish ?? 'stop' };
  }

  private asked(turns: readonly Told[], message: string, looked: readonly Message[], offers: boolean) {
    const messages: Message[] = [
      ...(this.offers ? [{ role: 'system', content: this.system }] : []),
      ...turns.flatMap(({ message: content, reply }) => [
        { role: 'user', content },
        { role: 'assistant', content: reply },
      ]),
      { role: 'user', content: message },
      ...looked,
    ];
    return { model: this.model, messages, max_tokens: ANSWER_TOKENS, ...(offers && { tools: this.tools.offered }) };
  }

  private async *whole(question: Question, keeps: boolean, hearing: Hearing, tally: Tally): AsyncGenerator<string, void, void> {
    const { body, usage, standing, cached } = await this.answers.answer(question, keeps);
    tally.begin(standing, cached);
    this.spend(tally, question, cached === 'HIT' ? NO_USAGE : usage);
    yield hearing.add(body);
  }

  private async *streamed(question: Question, keeps: boolean, hearing: Hearing, tally: Tally): AsyncGenerator<string, void, void> {
    const { pieces, standing, cached } = await this.answers.stream(question, keeps);
    tally.begin(standing, cached);
    let told: Usage | undefined;
    let emitted = 0;
    try {
      for await (const piece of pieces) {
        told = piece.usage ?? told;
        emitted += mostTokensOf(piece.text);
        yield hearing.add(piece.body);
      }
      // Where nobody waits any more the pieces end as if there were no others.
      question.over.signal.throwIfAborted();
    } finally {
      const given = { promptTokens: promptTokensOf(question.asked as { model: string }), completionTokens: emitted };
      this.spend(tally, question, cached === 'HIT' ? NO_USAGE : (told ?? given));
    }
  }

  /** Never more than what was kept back for it, whatever the provider says. */
  private spend(tally: Tally, { asked }: Question, { promptTokens, completionTokens }: Usage): void {
    const usage = {
      promptTokens: Math.min(promptTokens, promptTokensOf(asked as { model: string })),
      completionTokens: Math.min(completionTokens, ANSWER_TOKENS),
    };
    tally.spend(usage, this.prices.nanosOf(this.model, usage));
  }

  private async lookUp(asking: Asking, { text, calls }: Heard, looked: Message[]): Promise<void> {
    const named = calls.map(sound);
    const said = { role: 'assistant', content: text === '' ? null : text };
    looked.push({ ...said, tool_calls: named.map(({ id, ...call }) => ({ id, type: 'function', function: call })) });
    for (const [at, call] of calls.entries()) {
      const told = { role: 'tool', tool_call_id: named[at]!.id, content: await this.tools.answer(call) };
      const fits = this.remembered(asking, [...looked, told]);
      looked.push(fits ? told : { ...told, content: NO_ROOM });
    }
  }

  /** Of what was said before, that for which there is room. */
  private remembered({ turns, message }: Pick<Asking, 'turns' | 'message'>, looked: readonly Message[]): Told[] | undefined {
    const fixed = [this.system, this.toolsText(), message, ...looked.map((each) => JSON.stringify(each))];
    return trimmed(turns, fixed, this.room, this.count());
  }

  private toolsText(): string {
    return this.offers ? JSON.stringify(this.tools.offered) : '';
  }
}

/** As it may be said back: a provider does not take everything that a model makes up. */
function sound({ id, name, arguments: given }: ToolCall, at: number): ToolCall {
  return {
    id: /^[\w.:-]{1,100}$/.test(id) ? id : `call0000${at}`,
    name: name.replaceAll(/[^\w-]/g, '_').slice(0, 64) || 'unknown',
    arguments: objectIn(given) ? given.trim() || '{}' : '{}',
  };
}
