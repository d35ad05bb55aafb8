import { Injectable } from '@nestjs/common';
import { Transactions, type Tx } from '../database/transactions.js';
import { Cache } from '../http/cache/cache.service.js';
import { newId } from '../kernel/ids.js';
import { Refusal } from '../kernel/problems.js';
import { Audit } from './audit.service.js';
import { Belongings } from './belongings.service.js';
import type { User } from './user.entity.js';
import { UsersStore, type Credentials, type Secrets } from './users.store.js';

export interface NewPerson {
  email: string;
  name: string;
  passwordHash: string;
  phone?: string;
  messagingConsent?: boolean;
}

export type ProfileChange = Partial<Pick<User, 'name'> & { phone: string | null; messagingConsent: boolean }>;

export const asEveryoneBegins = { role: 'donor', plan: 'free' } as const;

/** Whatever is made of what we know of a person carries this tag. */
export const personTag = (id: string): string => `person:${id}`;

@Injectable()
export class Users {
  constructor(
    private readonly store: UsersStore,
    private readonly transactions: Transactions,
    private readonly cache: Cache,
    private readonly belongings: Belongings,
    private readonly audit: Audit,
  ) {}

  async byId(id: string): Promise<User> {
    const user = await this.store.byId(id);
    if (!user) throw new Refusal('not_found', 'There is no such person.');
    return user;
  }

  /** `null` where the person is gone. */
  findById(id: string): Promise<User | null> {
    return this.store.byId(id);
  }

  secretsOf(id: string): Promise<Secrets | null> {
    return this.store.secretsOf(id);
  }

  credentials(email: string): Promise<Credentials | null> {
    return this.store.credentials(email);
  }

  /** A donor, as everyone begins. */
  async add(tx: Tx, { messagingConsent = false, ...person }: NewPerson): Promise<string> {
    const id = newId();
    const consent = messagingConsent ? { messagingConsent, consentAt: new Date(), consentSource: 'registration' } : {};
    if (!(await this.store.add(tx, { id, ...person, ...asEveryoneBegins, ...consent }))) throw new Refusal('email_taken');
    return id;
  }

  change(id: string, { messagingConsent, ...change }: ProfileChange): Promise<User> {
    return this.transactions.run(async (tx) => {
      const before = await this.store.locked(tx, id);
      const isNew = messagingConsent !== undefined && before?.messagingConsent !== messagingConsent;
      const consent = isNew ? { messagingConsent, consentAt: new Date(), consentSource: 'profile' } : {};
      if (isNew)
        await this.audit.note(
          tx,
          messagingConsent ? 'consent_given' : 'consent_taken_back',
          { actorId: id, subjectId: id },
          { source: 'profile' },
        );
      const user = await this.store.change(tx, id, { ...change, ...consent });
      if (!user) throw new Refusal('not_found', 'There is no such person.');
      if (change.name !== undefined) await this.belongings.renamed(tx, id);
      this.cache.drop(tx, [personTag(id)]);
      return user;
    });
  }

  verified(id: string): Promise<void> {
    return this.transactions.run(async (tx) => {
      await this.store.verified(tx, id);
      this.cache.drop(tx, [personTag(id)]);
    });
  }

  /** Proves the address as well: by it the link came. Of two who come with one link, one goes on. */
  replaceHash(tx: Tx, id: string, before: string | null, after: string): Promise<boolean> {
    return this.store.replaceHash(tx, id, before, after);
  }

  /** After a sign-in, where hashes are made with more effort than when this one was. */
  keepHash(id: string, before: string, after: string): Promise<void> {
    return this.store.keepHash(id, before, after);
  }
}
