import { embeddingsUsageOf, heardUsageOf, usageOf } from './openai.answers.js';
import { bounds, OpenAIClient, type Bounds, type OpenAIAccess, type ProviderLog } from './openai.client.js';
import { streamedChat, toChat, toEmbed, toHear } from './openai.errands.js';
import type { ChatAnswer, ChatBody, ChatPiece, Provider, RecordingForm, Transcript } from './provider.js';
import { wordsOfPieces } from './words.of.pieces.js';

export interface OpenAISettings extends OpenAIAccess {
  model: string;
}

/** A provider that speaks OpenAI's protocol. */
export class OpenAIProvider implements Provider {
  readonly name: string;
  readonly model: string;
  private readonly client: OpenAIClient;

  constructor({ model, ...access }: OpenAISettings, log: ProviderLog, over: Partial<Bounds> = {}) {
    this.name = access.name;
    this.model = model;
    this.client = new OpenAIClient(access, log, { ...bounds, ...over });
  }

  async chat(body: ChatBody, signal: AbortSignal): Promise<ChatAnswer> {
    const question = { ...body, stream: undefined, stream_options: undefined };
    const answer = await this.client.ask(toChat(question), signal);
    return { body: answer, usage: usageOf(answer) };
  }

  async *stream(body: ChatBody, signal: AbortSignal): AsyncGenerator<ChatPiece, void, void> {
    const question = { ...body, stream: true, stream_options: { ...(body.stream_options as object | undefined), include_usage: true } };
    const wordsOf = wordsOfPieces(body.logprobs === true);
    for await (const piece of this.client.stream(streamedChat(question), signal))
      yield { body: piece, text: wordsOf(piece), usage: usageOf(piece) };
  }

  async embeddings(body: ChatBody, signal: AbortSignal): Promise<ChatAnswer> {
    const answer = await this.client.ask(toEmbed(body), signal);
    return { body: answer, usage: embeddingsUsageOf(answer) };
  }

  async transcriptions(form: RecordingForm, signal: AbortSignal): Promise<Transcript> {
    const heard = await this.client.ask(toHear(form), signal);
    return { ...heard, usage: typeof heard.body === 'string' ? undefined : heardUsageOf(heard.body) };
  }

  /** Why nobody should count on it, where that is so. */
  trouble(): Promise<string | undefined> {
    return this.client.trouble();
  }

  /** Whatever is under way ends. */
  close(): Promise<void> {
    return this.client.close();
  }
}
