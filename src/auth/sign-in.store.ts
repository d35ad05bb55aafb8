import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Questions } from '../database/questions.js';
import { withCommit, type Tx } from '../database/transactions.js';
import type { SessionUser } from './sessions.store.js';

/** So many may go wrong before anyone has to wait; then each time twice as long. */
const FREE = 5;
const MOST_WAIT_SECONDS = 900;
const FORGOTTEN_AFTER = '1 day';

const WAIT = `least(${MOST_WAIT_SECONDS}, power(2, least(f.failures - ${FREE}, 20))) * interval '1 second'`;

/** Everything that a sign-in is decided by; of an address that nobody has, all but the wait is empty. */
const LOOK = {
  name: 'sign-in',
  text: `
  SELECT u.id, u.email, u.name, u.role, u.plan_id AS plan, u.password_hash AS "passwordHash", u.disabled_at IS NOT NULL AS disabled,
         f.failures IS NOT NULL AS "hasFailed",
         CASE WHEN f.failures >= ${FREE} AND f.failed_at > now() - interval '${FORGOTTEN_AFTER}'
              THEN greatest(0, ceil(extract(epoch FROM f.failed_at + ${WAIT} - now())))::int ELSE 0 END AS "waitSeconds"
    FROM (VALUES ($1::text, $2::bytea)) AS asked (email, account)
    LEFT JOIN users u ON u.email = asked.email AND u.deleted_at IS NULL
    LEFT JOIN sign_in_failures f ON f.account = asked.account`,
};

const HOLDS = {
  name: 'sign-in-holds',
  text: 'SELECT FROM users WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL AND deleted_at IS NULL FOR SHARE',
};

const FORGET = `DELETE FROM sign_in_failures WHERE account = decode($1, 'hex')`;

interface Circumstances {
  hasFailed: boolean;
  waitSeconds: number;
}

export interface Known extends Circumstances, SessionUser {
  passwordHash: string | null;
  disabled: boolean;
}

export type Look = Known | (Circumstances & { id: null });

/** People at the door. Failures count by address, whether anyone has it; they delay passwords only: who is signed in stays so. */
@Injectable()
export class SignInStore {
  constructor(
    private readonly db: DataSource,
    private readonly questions: Questions,
  ) {}

  async look(email: string): Promise<Look> {
    const [found] = await this.questions.ask<Look>(LOOK, [email, accountOf(email)]);
    if (!found) throw new Error('a row was left out');
    return found;
  }

  /**
   * Whether he may still come in by the password that was checked: while it was, it may have been replaced, or he
   * disabled or gone. From here on whoever does that waits, and then ends what is opened here.
   */
  async stillHolds(tx: Tx, { id, passwordHash }: Known): Promise<boolean> {
    return (await this.questions.askIn(tx, HOLDS, [id, passwordHash])).length === 1;
  }

  async failed(email: string): Promise<void> {
    await this.db.query(
      `INSERT INTO sign_in_failures AS kept (account, failures, failed_at) VALUES ($1, 1, now())
       ON CONFLICT (account) DO UPDATE SET failed_at = now(),
         failures = CASE WHEN kept.failed_at > now() - interval '${FORGOTTEN_AFTER}' THEN kept.failures + 1 ELSE 1 END`,
      [accountOf(email)],
    );
  }

  forget(tx: Tx, email: string): void {
    withCommit(tx, { name: 'sign-in-forget', text: FORGET, values: [accountOf(email).toString('hex')] });
  }
}

const accountOf = (email: string) => createHash('sha256').update(email).digest();
