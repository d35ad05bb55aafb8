import { Injectable } from '@nestjs/common';
import { Keys, Proofs } from '../config/keys.js';

const WRITTEN = /^([\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12})\.(0|[1-9]\d{0,8})\.([\w-]{43})$/;

export interface Named {
  sessionId: string;
  generation: number;
  proof: string;
}

/**
 * Each follows from its session's root, its number and our key: the successor can be given a second time
 * without being stored, and an old one is told from a made-up one for as long as its session is known.
 */
@Injectable()
export class RefreshTokens {
  private readonly proofs: Proofs;

  constructor(keys: Keys) {
    this.proofs = new Proofs(keys.for('refresh token'));
  }

  of(sessionId: string, generation: number, root: Buffer): string {
    return `${sessionId}.${generation}.${this.proofs.of(`${sessionId}.${generation}.`, root)}`;
  }

  read(token: string): Named | undefined {
    const [, sessionId = '', number = '', proof = ''] = WRITTEN.exec(token) ?? [];
    return sessionId === '' ? undefined : { sessionId, generation: Number(number), proof };
  }

  isOurs({ sessionId, generation, proof }: Named, root: Buffer): boolean {
    return this.proofs.isOurs(proof, `${sessionId}.${generation}.`, root);
  }
}
