export interface Template {
  name: string;
  language: string;
  parameters?: string[];
}

/** Either a text or a template. */
export interface Outgoing {
  /** Ours: it comes back in what the provider tells later. */
  id: string;
  /** In E.164, with its plus. */
  to: string;
  text?: string;
  template?: Template;
}

export type Outcome =
  /** `reference` is the provider's own name of the message; with `delivered`, nothing more will be told of it. */
  | { kind: 'sent'; reference: string; delivered?: true }
  /** Certainly not taken, and may be tried again: `whom` says who has to wait. */
  | { kind: 'wait'; why: string; code?: number; waitMs: number; whom: 'message' | 'recipient' | 'all' }
  /** Certainly not taken, and never will be. */
  | { kind: 'stop'; why: string; code?: number; advice: string; optsOut?: true }
  /** Certainly not taken, and nothing will be until an operator mends it. */
  | { kind: 'fix'; why: string; code?: number; advice: string }
  /** Nobody knows whether it was taken. */
  | { kind: 'unknown'; why: string };

export interface KnownTemplate {
  name: string;
  language: string;
  /** As the provider calls it; only `APPROVED` ones are taken. */
  status: string;
  category: string;
  body: string;
  /** How many different {{n}} its body has. */
  parameters: number;
}

/** Who carries the messages. */
export interface WhatsAppProvider {
  readonly name: 'cloud' | 'sandbox';
  /** One call to the provider, and never a second one; throws nothing. */
  send(message: Outgoing, signal: AbortSignal): Promise<Outcome>;
  /** Throws a refusal `dependency_down` where it cannot be asked. */
  templates(signal: AbortSignal): Promise<KnownTemplate[]>;
  close(): Promise<void>;
}
