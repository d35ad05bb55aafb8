import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Tx } from '../database/transactions.js';
import { Mailer } from '../mail/mailer.service.js';
import { Belongings, type Belonging } from '../users/belongings.service.js';
import { Users } from '../users/users.service.js';
import { apiKeyOf } from './api-keys.dto.js';
import { ApiKeysStore } from './api-keys.store.js';
import { SecondFactorsStore } from './second-factors.store.js';
import { SignInStore } from './sign-in.store.js';
import { SessionsStore } from './sessions.store.js';

/** How a person came in, and may come in. */
@Injectable()
export class SignIns implements Belonging, OnModuleInit {
  readonly name = 'signIns';

  constructor(
    private readonly belongings: Belongings,
    private readonly users: Users,
    private readonly sessions: SessionsStore,
    private readonly keys: ApiKeysStore,
    private readonly second: SecondFactorsStore,
    private readonly signIns: SignInStore,
    private readonly mailer: Mailer,
  ) {}

  onModuleInit(): void {
    this.belongings.add(this);
  }

  async export(userId: string): Promise<unknown> {
    const [sessions, keys, second] = await Promise.all([this.sessions.allOf(userId), this.keys.allOf(userId), this.second.of(userId)]);
    return {
      sessions: sessions.map(({ id, address, client, createdAt, lastUsedAt, expiresAt, endedAt, endReason }) => ({
        id,
        address,
        client,
        createdAt,
        lastUsedAt,
        expiresAt,
        endedAt,
        endReason,
      })),
      apiKeys: keys.map((key) => ({ ...apiKeyOf(key), endedAt: key.endedAt })),
      secondFactor: second && { confirmedAt: second.confirmedAt, recoveryCodesLeft: second.recovery.length },
    };
  }

  async erase(tx: Tx, userId: string): Promise<void> {
    const { email } = await this.users.byId(userId);
    if (email) this.signIns.forget(tx, email);
    if (email) await this.mailer.forget(tx, email);
    await this.sessions.remove(tx, userId);
    await this.keys.remove(tx, userId);
    await this.second.remove(tx, userId);
  }

  async lockOut(tx: Tx, userId: string): Promise<void> {
    await this.sessions.end(tx, userId, 'disabled');
  }
}
