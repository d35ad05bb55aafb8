import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Questions } from '../database/questions.js';
import type { Tx } from '../database/transactions.js';
import { SecondFactor } from './second-factor.entity.js';

const ON = { name: 'second-factor-on', text: 'SELECT FROM second_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL' };

@Injectable()
export class SecondFactorsStore {
  constructor(
    private readonly db: DataSource,
    private readonly questions: Questions,
  ) {}

  async isOn(userId: string, tx?: Tx): Promise<boolean> {
    const found = await (tx ? this.questions.askIn(tx, ON, [userId]) : this.questions.ask(ON, [userId]));
    return found.length === 1;
  }

  of(userId: string, manager: EntityManager = this.db.manager): Promise<SecondFactor | null> {
    return manager.findOneBy(SecondFactor, { userId });
  }

  /** Takes the place of one that was never confirmed; `false` where one is in use. */
  async propose(tx: Tx, userId: string, secret: Buffer, recovery: Buffer[]): Promise<boolean> {
    const made = await tx.query<unknown[]>(
      `INSERT INTO second_factors AS kept (user_id, secret, recovery) VALUES ($1, $2, $3)
       ON CONFLICT (user_id) DO UPDATE SET secret = $2, recovery = $3, last_step = 0 WHERE kept.confirmed_at IS NULL RETURNING user_id`,
      [userId, secret, recovery],
    );
    return made.length === 1;
  }

  async confirm(tx: Tx, userId: string, secret: Buffer, step: number): Promise<boolean> {
    const [, confirmed] = await tx.query<[unknown, number]>(
      'UPDATE second_factors SET last_step = $3, confirmed_at = now() WHERE user_id = $1 AND secret = $2 AND confirmed_at IS NULL',
      [userId, secret, step],
    );
    return confirmed === 1;
  }

  /** Of all who come with one code, one goes on, and none with an older one after him. */
  async useStep(tx: Tx, userId: string, step: number, secret: Buffer): Promise<boolean> {
    const [, used] = await tx.query<[unknown, number]>(
      'UPDATE second_factors SET last_step = $2, secret = $3 WHERE user_id = $1 AND last_step < $2 AND confirmed_at IS NOT NULL',
      [userId, step, secret],
    );
    return used === 1;
  }

  async useRecovery(tx: Tx, userId: string, digest: Buffer, secret: Buffer): Promise<boolean> {
    const [, used] = await tx.query<[unknown, number]>(
      'UPDATE second_factors SET recovery = array_remove(recovery, $2), secret = $3 WHERE user_id = $1 AND $2 = ANY(recovery) AND confirmed_at IS NOT NULL',
      [userId, digest, secret],
    );
    return used === 1;
  }

  async remove(tx: Tx, userId: string): Promise<void> {
    await tx.delete(SecondFactor, { userId });
  }
}
