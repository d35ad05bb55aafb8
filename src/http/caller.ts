import type { FastifyRequest } from 'fastify';

export type Role = 'donor' | 'organizer' | 'admin';

/** Who asks, as far as it was proved. */
export interface Caller {
  id: string;
  role: Role;
}

/** Proves who asks. The part that knows people brings the one implementation. */
export abstract class Callers {
  /** `undefined` where nothing was shown; a refusal where what was shown proves nothing. */
  abstract identify(request: FastifyRequest): Promise<Caller | undefined>;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller?: Caller;
  }
}
