import { Injectable } from '@nestjs/common';
import { Callers, type Caller } from '../../src/http/caller.js';
import { Refusal } from '../../src/kernel/problems.js';

const roles = ['organizer', 'admin'] as const;

/** Takes `Bearer <name>` at its word, which only a test may; who is called like a role has it. */
@Injectable()
class TrustingCallers extends Callers {
  async identify({ headers }: { headers: { authorization?: string } }): Promise<Caller> {
    const [scheme, id] = headers.authorization?.split(' ') ?? [];
    if (scheme !== 'Bearer' || !id || id === 'nobody') throw new Refusal('unauthenticated');
    return { id, role: roles.find((role) => role === id) ?? 'donor' };
  }
}

export const trustingCallers = { provide: Callers, useClass: TrustingCallers };
