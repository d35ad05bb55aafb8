/** What a provider says it used. */
export interface Usage {
  promptTokens: number;
  completionTokens: number;
}

export const NO_USAGE: Usage = { promptTokens: 0, completionTokens: 0 };

/** As OpenAI's API has it. */
export const openaiUsage = ({ promptTokens, completionTokens }: Usage) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
});

/** A request as OpenAI's API has it, ready to be sent: `model`, `messages`, `max_tokens` and whatever else its caller asked for. */
export type ChatBody = Readonly<Record<string, unknown>> & { readonly model: string };

/** A whole answer, as OpenAI's API has it. */
export interface ChatAnswer {
  body: Record<string, unknown>;
  /** Nothing where it did not say so, or said nonsense. */
  usage?: Usage;
  /** The model that was asked, where it is another one than was wanted. */
  model?: string;
}

/** A piece of a streamed answer, as OpenAI's API has it. */
export interface ChatPiece {
  body: Record<string, unknown>;
  /** The text that this piece adds, tool calls and refusals included; empty where it adds none. */
  text: string;
  /** In the last one, where it says so. */
  usage?: Usage;
  /** The model that was asked, where it is another one than was wanted. */
  model?: string;
}

/** A form with a recording, ready to be sent. */
export interface RecordingForm {
  type: string;
  bytes: Buffer;
  /** Whether its answer is wanted as a text of its own, such as subtitles. */
  asText: boolean;
}

/** What was heard: as OpenAI's API has it, or as a text of its own. */
export interface Transcript {
  type: string;
  body: Record<string, unknown> | string;
  usage?: Usage;
}

/** Makes answers. Whoever asks holds the budget for it. */
export interface Provider {
  readonly name: string;
  /** The model that it asks where the caller names none. */
  readonly model: string;
  chat(body: ChatBody, signal: AbortSignal): Promise<ChatAnswer>;
  /** Ends when the answer is whole; throws where it breaks off. Returning early ends the provider's work within a second. */
  stream(body: ChatBody, signal: AbortSignal): AsyncGenerator<ChatPiece, void, void>;
  /** As OpenAI's API has them: `model` and `input`. Their usage has no tokens of an answer. */
  embeddings(body: ChatBody, signal: AbortSignal): Promise<ChatAnswer>;
  transcriptions(form: RecordingForm, signal: AbortSignal): Promise<Transcript>;
}

/**
 * Why there is no answer. `away`: it does not answer, or not as it should, so that another may be asked; `refused`: it does not
 * want this request of ours, whoever is asked; `cut`: its answer was not to be had whole, though it was begun.
 */
export class ProviderFault extends Error {
  override readonly name = 'ProviderFault';
  constructor(
    readonly kind: 'away' | 'refused' | 'cut',
    message: string,
    /** Whether anything of the request may have reached it. */
    readonly sent: boolean,
    readonly details: { status?: number; retryAfterMs?: number; body?: unknown } = {},
  ) {
    super(message);
  }
}

export const PROVIDER = Symbol('the provider of AI');
/** Those that the configuration names, the first one first. */
export const OUTSIDE = Symbol('the providers outside');
