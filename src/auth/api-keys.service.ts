import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Transactions } from '../database/transactions.js';
import { Cache } from '../http/cache/cache.service.js';
import type { Caller, Scope } from '../http/caller.js';
import { newId } from '../kernel/ids.js';
import { Refusal } from '../kernel/problems.js';
import { Audit } from '../users/audit.service.js';
import { personTag } from '../users/users.service.js';
import type { ApiKey } from './api-key.entity.js';
import { digestOf, newKey } from './api-key.js';
import { Sessions } from './sessions.service.js';
import { ApiKeysStore } from './api-keys.store.js';

const MOST_KEYS = 50;
/** Last uses are written this much later, all at once. */
const USES_MS = 1_000;

export interface NewKey {
  name: string;
  scopes: Scope[];
  expiresAt?: Date;
}

@Injectable()
export class ApiKeys implements OnApplicationShutdown {
  private readonly uses = new Set<string>();
  private writing: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: ApiKeysStore,
    private readonly sessions: Sessions,
    private readonly transactions: Transactions,
    private readonly cache: Cache,
    private readonly audit: Audit,
  ) {}

  listOf(userId: string): Promise<ApiKey[]> {
    return this.store.listOf(userId);
  }

  /** With the key itself, which is told this once. */
  async add(caller: Caller, { name, scopes, expiresAt }: NewKey): Promise<Omit<ApiKey, 'digest'> & { key: string }> {
    const { id: userId, role } = caller;
    const beyond = scopes.find((scope) => (scope === 'admin' || scope === 'metrics') && role !== 'admin');
    if (beyond) throw new Refusal('forbidden', `Only admins make keys for ${beyond}.`);
    const id = newId();
    const key = newKey(id);
    const made = { id, userId, name, scopes, expiresAt: expiresAt ?? null };
    await this.transactions.run(async (tx) => {
      await this.sessions.proveOpen(tx, caller);
      if (!(await this.store.add(tx, { ...made, digest: digestOf(key) }, MOST_KEYS)))
        throw new Refusal('conflict', `You have ${MOST_KEYS} keys already. End one first.`);
      await this.audit.note(tx, 'key_made', { actorId: userId, subjectId: userId }, { keyId: id, scopes });
    });
    return { ...made, key, createdAt: new Date(), lastUsedAt: null, endedAt: null };
  }

  end(userId: string, id: string): Promise<boolean> {
    return this.transactions.run(async (tx) => {
      if (!(await this.store.end(tx, userId, id))) return false;
      this.cache.drop(tx, [personTag(userId)]);
      await this.audit.note(tx, 'key_ended', { actorId: userId, subjectId: userId }, { keyId: id });
      return true;
    });
  }

  noteUse(id: string): void {
    this.uses.add(id);
    this.writing ??= setTimeout(() => void this.writeUses(), USES_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearTimeout(this.writing);
    await this.writeUses();
  }

  // A lost one is told by the next use.
  private async writeUses(): Promise<void> {
    this.writing = undefined;
    const ids = [...this.uses].sort();
    this.uses.clear();
    if (ids.length > 0) await this.store.used(ids).catch(() => undefined);
  }
}
