import { randomBytes } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { Transactions, type Tx } from '../database/transactions.js';
import { Cache } from '../http/cache/cache.service.js';
import { normalEmail } from '../kernel/email.js';
import { newId } from '../kernel/ids.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { Audit } from './audit.service.js';
import { isCommonPassword } from './common-passwords.js';
import { Hashing } from './hashing.js';
import { PeopleStore } from './people.store.js';
import { personTag } from './users.service.js';
import { User } from './user.entity.js';

/** Who it is where nobody said so. */
const NAMED = 'admin@mutirao.local';
const PASSWORD_BYTES = 18;
/** Any number that nothing else locks. */
const LOCK = 7_302_115_404;

/** Without anyone who may make admins there would never be one. */
@Injectable()
export class FirstAdmin implements OnApplicationBootstrap {
  constructor(
    private readonly db: DataSource,
    private readonly store: PeopleStore,
    private readonly hashing: Hashing,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
    private readonly cache: Cache,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { ADMIN_EMAIL, ADMIN_PASSWORD, embedded } = this.config;
    if (ADMIN_EMAIL === undefined && (!embedded.postgres || (await this.store.hasAdmin()))) return;
    const email = normalEmail(ADMIN_EMAIL ?? NAMED);
    if (email === undefined) throw new Error('ADMIN_EMAIL is no e-mail address');
    if ((await this.db.manager.findOneBy(User, { email }))?.role === 'admin') return;
    if (ADMIN_PASSWORD && (await isCommonPassword(ADMIN_PASSWORD, [email])))
      this.log.warn('ADMIN_PASSWORD is among the common ones: change it');
    await this.make(email, ADMIN_PASSWORD ?? (embedded.postgres ? randomBytes(PASSWORD_BYTES).toString('base64url') : undefined));
  }

  /** Whoever has the address keeps his password. All processes try; one does it. */
  private async make(email: string, password: string | undefined): Promise<void> {
    const passwordHash = password && (await this.hashing.make(password));
    await this.transactions.run(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
      const known = await tx.findOneBy(User, { email });
      if (known?.role === 'admin') return;
      if (known) await this.promote(tx, known);
      else if (passwordHash) await this.add(tx, email, passwordHash);
      else this.log.error('there is no admin: ADMIN_PASSWORD is needed to make one of ADMIN_EMAIL');
      // Told before it is sure: a password that nobody has seen would be lost with this process.
      if (!known && password && password !== this.config.ADMIN_PASSWORD) this.log.adminCreated(email, password);
    });
  }

  private async promote(tx: Tx, { id, disabledAt }: User): Promise<void> {
    await this.store.change(tx, id, { role: 'admin' });
    await this.audit.note(tx, 'first_admin', { subjectId: id });
    this.cache.drop(tx, [personTag(id)]);
    if (disabledAt) this.log.error('who has ADMIN_EMAIL is an admin now, but disabled: he cannot sign in');
  }

  private async add(tx: Tx, email: string, passwordHash: string): Promise<void> {
    const id = newId();
    await tx.insert(User, { id, email, name: 'Admin', passwordHash, role: 'admin', emailVerifiedAt: new Date() });
    await this.audit.note(tx, 'first_admin', { subjectId: id });
  }
}
