import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Callers, type Caller } from '../http/caller.js';
import { Refusal } from '../kernel/problems.js';
import { AccessTokens } from './access-tokens.js';
import { isKeyOf, keyIdIn } from './api-key.js';
import { ApiKeys } from './api-keys.service.js';
import { Standings } from './standings.js';
import type { Standing } from './standings.store.js';

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

  identify({ headers }: FastifyRequest): Caller | undefined | Promise<Caller | undefined> {
    if (headers.authorization === undefined) return undefined;
    const [, shown = ''] = BEARER.exec(headers.authorization) ?? [];
    return shown.startsWith('mt_') ? this.byKey(shown) : this.byToken(shown);
  }

  private byToken(token: string): Caller | Promise<Caller> {
    const claims = this.tokens.read(token);
    if (!claims) throw provesNothing();
    return this.withStanding(claims.sid, (standing) => {
      if (standing?.userId !== claims.sub || standing.digest) throw provesNothing();
      const { userId: id, role, requestsPerMinute, costlyPerMinute } = standing;
      return { id, role, sessionId: claims.sid, requestsPerMinute, costlyPerMinute };
    });
  }

  private byKey(key: string): Caller | Promise<Caller> {
    const keyId = keyIdIn(key);
    if (!keyId) throw provesNothing();
    return this.withStanding(keyId, (standing) => {
      if (!standing?.digest || !isKeyOf(standing.digest, key)) throw provesNothing();
      this.keys.noteUse(keyId);
      const { userId: id, role, scopes, requestsPerMinute, costlyPerMinute } = standing;
      return { id, role, scopes, requestsPerMinute, costlyPerMinute };
    });
  }

  private withStanding(id: string, judge: (standing: Standing | undefined) => Caller): Caller | Promise<Caller> {
    const standing = this.standings.of(id);
    return standing instanceof Promise ? standing.then(judge) : judge(standing);
  }
}

const provesNothing = () => new Refusal('unauthenticated', 'What you show is not valid, or not valid any more.');
