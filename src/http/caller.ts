import type { FastifyRequest } from 'fastify';
import { Refusal } from '../kernel/problems.js';

export type Role = 'donor' | 'organizer' | 'admin';

/** Who asks, as far as it was proved. */
export interface Caller {
  id: string;
  role: Role;
  /** The sign-in by which he is here. */
  sessionId?: string;
  /** What the key by which he is here is for; all where it is a sign-in. */
  scopes?: readonly Scope[] | null;
  /** What his key would need to read what is his own; without it he reads as a stranger. */
  lacks?: Scope;
  /** The limits of his own plan; nothing where it leaves them to the configuration. */
  requestsPerMinute?: number | null;
  costlyPerMinute?: number | null;
}

export const scopes = ['read', 'write', 'ai', 'metrics', 'admin'] as const;
/** What a key may be for. */
export type Scope = (typeof scopes)[number];

/** Proves who asks. The part that knows people brings the one implementation. */
export abstract class Callers {
  /** `undefined` where nothing was shown; a refusal where what was shown proves nothing. At once where he was here a moment ago. */
  abstract identify(request: FastifyRequest): Caller | undefined | Promise<Caller | undefined>;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller?: Caller;
  }
}

export const keyLacks = (scope: Scope): Refusal => new Refusal('forbidden', `This key lacks the scope ${scope}.`);

/** Who asks for what is his own, on a route that is open to strangers. */
export function readerOf(caller: Caller | undefined, detail?: string): Caller {
  if (!caller) throw new Refusal('unauthenticated', detail);
  if (caller.lacks) throw keyLacks(caller.lacks);
  return caller;
}

/** Who asks, on a route that lets in only who is signed in. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (!caller) throw new Refusal('unauthenticated');
  return caller;
}
