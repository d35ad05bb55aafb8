import { createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Keys, type Key } from '../config/keys.js';

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
  private readonly keys: readonly [Key, ...Key[]];

  constructor(keys: Keys) {
    this.keys = keys.for('refresh token');
  }

  of(sessionId: string, generation: number, root: Buffer): string {
    return `${sessionId}.${generation}.${proofOf(this.keys[0], sessionId, generation, root)}`;
  }

  read(token: string): Named | undefined {
    const [, sessionId = '', number = '', proof = ''] = WRITTEN.exec(token) ?? [];
    return sessionId === '' ? undefined : { sessionId, generation: Number(number), proof };
  }

  isOurs({ sessionId, generation, proof }: Named, root: Buffer): boolean {
    return this.keys.some((key) => timingSafeEqual(Buffer.from(proofOf(key, sessionId, generation, root)), Buffer.from(proof)));
  }
}

const proofOf = ({ secret }: Key, sessionId: string, generation: number, root: Buffer) =>
  createHmac('sha256', secret).update(`${sessionId}.${generation}.`).update(root).digest('base64url');
