import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** So many may go wrong before anyone has to wait; then each time twice as long. */
const FREE = 5;
const MOST_WAIT_SECONDS = 900;
const FORGOTTEN_AFTER = '1 day';

const WAITS = `least(${MOST_WAIT_SECONDS}, power(2, least(failures - ${FREE}, 20))) * interval '1 second'`;

/** Failed sign-ins by e-mail address, whether anyone has it or not. They delay passwords only: who is signed in stays so. */
@Injectable()
export class FailuresStore {
  constructor(private readonly db: DataSource) {}

  /** Seconds until the next try may be made. */
  async waitSeconds(email: string): Promise<number> {
    const [row] = await this.db.query<{ wait: number }[]>(
      `SELECT ceil(extract(epoch FROM failed_at + ${WAITS} - now()))::int AS wait FROM sign_in_failures
        WHERE account = $1 AND failures >= ${FREE} AND failed_at > now() - interval '${FORGOTTEN_AFTER}'`,
      [accountOf(email)],
    );
    return Math.max(0, row?.wait ?? 0);
  }

  async add(email: string): Promise<void> {
    await this.db.query(
      `INSERT INTO sign_in_failures AS kept (account, failures, failed_at) VALUES ($1, 1, now())
       ON CONFLICT (account) DO UPDATE SET failed_at = now(),
         failures = CASE WHEN kept.failed_at > now() - interval '${FORGOTTEN_AFTER}' THEN kept.failures + 1 ELSE 1 END`,
      [accountOf(email)],
    );
  }

  async forget(email: string): Promise<void> {
    await this.db.query('DELETE FROM sign_in_failures WHERE account = $1', [accountOf(email)]);
  }
}

const accountOf = (email: string) => createHash('sha256').update(email).digest();
