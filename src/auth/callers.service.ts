import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Callers, type Caller } from '../http/caller.js';
import { Refusal } from '../kernel/problems.js';
import { AccessTokens } from './access-tokens.js';
import { isKeyOf, keyIdIn } from './api-key.js';
import { ApiKeys } from './api-keys.service.js';
import { Standings } from './standings.js';

const BEARER = /^Bearer +([\w.-]+)$/i;

/** Knows people by their access tokens and keys. */
@Injectable()
export class TokenCallers extends Callers {
  constructor(
    private readonly tokens: AccessTokens,
    private readonly keys: ApiKeys,
    private readonly standings: Standings,
  ) {
    super();
  }

  async identify({ headers }: FastifyRequest): Promise<Caller | undefined> {
    if (headers.authorization === undefined) return undefined;
    const [, shown = ''] = BEARER.exec(headers.authorization) ?? [];
    const caller = shown.startsWith('mt_') ? await this.byKey(shown) : await this.byToken(shown);
    if (!caller) throw new Refusal('unauthenticated', 'What you show is not valid, or not valid any more.');
    return caller;
  }

  private async byToken(token: string): Promise<Caller | undefined> {
    const claims = this.tokens.read(token);
    const standing = claims && (await this.standings.of(claims.sid));
    if (!claims || standing?.userId !== claims.sub || standing.digest) return undefined;
    const { userId: id, role, requestsPerMinute, costlyPerMinute } = standing;
    return { id, role, sessionId: claims.sid, requestsPerMinute, costlyPerMinute };
  }

  private async byKey(key: string): Promise<Caller | undefined> {
    const keyId = keyIdIn(key);
    const standing = keyId === undefined ? undefined : await this.standings.of(keyId);
    if (!keyId || !standing?.digest || !isKeyOf(standing.digest, key)) return undefined;
    this.keys.noteUse(keyId);
    const { userId: id, role, scopes, requestsPerMinute, costlyPerMinute } = standing;
    return { id, role, scopes, requestsPerMinute, costlyPerMinute };
  }
}
