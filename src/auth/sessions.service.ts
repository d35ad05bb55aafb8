import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { Transactions, type Tx } from '../database/transactions.js';
import { Cache } from '../http/cache/cache.service.js';
import type { Caller } from '../http/caller.js';
import { newId } from '../kernel/ids.js';
import { Refusal } from '../kernel/problems.js';
import { Audit } from '../users/audit.service.js';
import { personTag } from '../users/users.service.js';
import { ACCESS_SECONDS, AccessTokens } from './access-tokens.js';
import { RefreshTokens, type Named } from './refresh-tokens.js';
import type { Session } from './session.entity.js';
import { SessionsStore, type EndReason, type Family, type SessionUser } from './sessions.store.js';

const ROOT_BYTES = 32;
const MOST_CLIENT_LETTERS = 200;

/** From where somebody signs in, so that he can tell his sign-ins apart. */
export interface Device {
  address: string;
  client: string;
}

export interface SessionAnswer {
  accessToken: string;
  refreshToken: string;
  tokenType: 'Bearer';
  expiresIn: number;
  user: SessionUser;
}

@Injectable()
export class Sessions {
  private readonly graceMs: number;

  constructor(
    private readonly store: SessionsStore,
    private readonly access: AccessTokens,
    private readonly refreshing: RefreshTokens,
    private readonly transactions: Transactions,
    private readonly cache: Cache,
    private readonly audit: Audit,
    @Inject(CONFIG) config: Config,
  ) {
    this.graceMs = config.REFRESH_GRACE_SECONDS * 1_000;
  }

  /** Commits with what let the person in; the answer is for after that. */
  open(tx: Tx, user: SessionUser, { address, client }: Device): SessionAnswer {
    const [id, root] = [newId(), randomBytes(ROOT_BYTES)];
    this.store.add(tx, { id, userId: user.id, root, address, client: client.slice(0, MOST_CLIENT_LETTERS) });
    return this.answer(id, { user, root, generation: 0 });
  }

  async refresh(token: string): Promise<SessionAnswer> {
    const { named, family } = await this.proved(token);
    const successor = { ...family, generation: named.generation + 1 };
    if (named.generation === family.generation && (await this.store.rotate(named.sessionId, named.generation)))
      return this.answer(named.sessionId, successor);
    return this.again(named, successor);
  }

  /** For clients that keep their refresh token: it stays good, and its thirty days end. */
  async renew(token: string): Promise<SessionAnswer> {
    const { named, family } = await this.proved(token);
    if (named.generation === family.generation) return this.answer(named.sessionId, family);
    return this.again(named, { ...family, generation: named.generation + 1 });
  }

  /** What outlasts a sign-in is made only while it lasts: here, not as it was seconds ago. */
  async proveOpen(tx: Tx, caller: Caller): Promise<void> {
    if (!(await this.store.holds(tx, caller))) throw new Refusal('unauthenticated');
  }

  listOf(userId: string, after: string | undefined, take: number): Promise<Session[]> {
    return this.store.listOf(userId, after, take);
  }

  async end(userId: string, reason: EndReason, id?: string): Promise<boolean> {
    return this.transactions.run(async (tx) => {
      const ended = await this.store.end(tx, userId, reason, id);
      if (ended > 0) this.cache.drop(tx, [personTag(userId)]);
      return ended > 0;
    });
  }

  /** Of a refresh token, whoever brings it: it is the proof. One that is over already is none. */
  async endOf(token: string): Promise<void> {
    const named = this.refreshing.read(token);
    const family = named && (await this.store.family(named.sessionId));
    if (family && this.refreshing.isOurs(named, family.root)) await this.end(family.user.id, 'logout', named.sessionId);
  }

  private async proved(token: string): Promise<{ named: Named; family: Family }> {
    const named = this.refreshing.read(token);
    const family = named && (await this.store.family(named.sessionId));
    if (!family || !this.refreshing.isOurs(named, family.root)) throw new Refusal('refresh_token_invalid');
    return { named, family };
  }

  /** A used token: within the time of grace its answer was lost on the way; later somebody else has it. */
  private async again(named: Named, successor: Family): Promise<SessionAnswer> {
    const family = await this.store.family(named.sessionId);
    if (!family || named.generation >= family.generation) throw new Refusal('refresh_token_invalid');
    const age = family.agesMs.at(named.generation - family.generation);
    if (age !== undefined && age < this.graceMs) return this.answer(named.sessionId, successor);
    await this.transactions.run(async (tx) => {
      const { id } = family.user;
      if ((await this.store.end(tx, id, 'reuse', named.sessionId)) === 0) return;
      this.cache.drop(tx, [personTag(id)]);
      await this.audit.note(tx, 'refresh_reused', { subjectId: id }, { sessionId: named.sessionId });
    });
    throw new Refusal('refresh_token_invalid', 'This token was used before, so its whole sign-in is ended.');
  }

  private answer(sid: string, { user, root, generation }: Pick<Family, 'user' | 'root' | 'generation'>): SessionAnswer {
    const { id, email, name, role, plan } = user;
    return {
      accessToken: this.access.issue({ sub: id, sid }),
      refreshToken: this.refreshing.of(sid, generation, root),
      tokenType: 'Bearer',
      expiresIn: ACCESS_SECONDS,
      user: { id, email, name, role, plan },
    };
  }
}
