import { Injectable } from '@nestjs/common';
import { Campaigns } from '../../campaigns/campaigns.service.js';
import { newId } from '../../kernel/ids.js';
import {
  openaiUsage,
  ProviderFault,
  type ChatAnswer,
  type ChatBody,
  type ChatPiece,
  type Provider,
  type Transcript,
  type Usage,
} from '../providers/provider.js';
import { answerTo } from './answers.js';
import { lastAsked, saidIn } from './messages.js';
import { understood } from './question.js';
import { countWords, tokensOf } from './words.js';

const NAME = 'mutirao-offline';

interface Reply {
  tokens: string[];
  finish: 'stop' | 'length';
  usage: Usage;
  /** What every piece of the answer begins with. */
  head: { id: string; created: number; model: string };
}

/** Answers about public campaigns by plain rules, on a machine that reaches no other model. */
@Injectable()
export class OfflineModel implements Provider {
  readonly name = NAME;
  readonly model = NAME;

  constructor(private readonly campaigns: Campaigns) {}

  async chat(body: ChatBody, signal: AbortSignal): Promise<ChatAnswer> {
    const { tokens, finish, usage, head } = await this.replyTo(body, signal);
    const message = { role: 'assistant', content: tokens.join('') };
    return {
      body: {
        ...{ id: head.id, object: 'chat.completion', created: head.created, model: head.model },
        choices: [{ index: 0, message, finish_reason: finish, logprobs: null }],
        usage: openaiUsage(usage),
      },
      usage,
    };
  }

  async *stream(body: ChatBody, signal: AbortSignal): AsyncGenerator<ChatPiece, void, void> {
    const { tokens, finish, usage, head } = await this.replyTo(body, signal);
    const whole = { id: head.id, object: 'chat.completion.chunk', created: head.created, model: head.model };
    const piece = (delta: object, text: string, finishReason: string | null = null): ChatPiece => {
      signal.throwIfAborted();
      return { body: { ...whole, choices: [{ index: 0, delta, finish_reason: finishReason, logprobs: null }] }, text };
    };
    yield piece({ role: 'assistant', content: '' }, '');
    for (const token of tokens) yield piece({ content: token }, token);
    yield piece({}, '', finish);
    signal.throwIfAborted();
    yield { body: { ...whole, choices: [], usage: openaiUsage(usage) }, text: '', usage };
  }

  embeddings(): Promise<ChatAnswer> {
    return Promise.reject(
      new ProviderFault('refused', 'The built-in model makes no embeddings: AI_BASE_URL has to name a provider that does.', false),
    );
  }

  transcriptions(): Promise<Transcript> {
    return Promise.reject(
      new ProviderFault('refused', 'The built-in model hears nothing: AI_BASE_URL has to name a provider that does.', false),
    );
  }

  private async replyTo(body: ChatBody, signal: AbortSignal): Promise<Reply> {
    signal.throwIfAborted();
    if ((body.n ?? 1) !== 1) throw new ProviderFault('refused', 'n must be 1', false, { status: 400, body: ONE_ANSWER });
    const said = saidIn(body.messages);
    const tokens = tokensOf(await orAborted(signal, answerTo(understood(lastAsked(said)), this.campaigns)));
    const most = mostTokensIn(body);
    const kept = tokens.slice(0, most);
    const promptTokens = said.flatMap(({ texts }) => texts).reduce((sum, text) => sum + countWords(text), 0);
    return {
      tokens: kept,
      finish: kept.length < tokens.length ? 'length' : 'stop',
      usage: { promptTokens, completionTokens: kept.length },
      head: { id: `chatcmpl-${newId()}`, created: Math.floor(Date.now() / 1_000), model: NAME },
    };
  }
}

const ONE_ANSWER = {
  error: { message: 'n must be 1: this model gives one answer.', type: 'invalid_request_error', param: 'n', code: null },
};

/** The smaller of the two, where both are given. */
const mostTokensIn = ({ max_tokens: older, max_completion_tokens: newer }: ChatBody): number =>
  Math.min(...[older, newer].filter((most) => typeof most === 'number' && Number.isSafeInteger(most) && most >= 0).map(Number));

/** A question to the database goes on in the background; nobody waits for it any more. */
function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
