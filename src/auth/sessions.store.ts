import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transactions.js';
import { Session } from './session.entity.js';

export const REFRESH_DAYS = 30;
/** Rotations that are remembered; more within the time of grace is no client that lost an answer. */
const REMEMBERED = 16;
/** Sign-ins of one person at once; the one used longest ago ends for the next. */
const MOST_OPEN = 100;

export interface Family {
  userId: string;
  root: Buffer;
  generation: number;
  /** Milliseconds since each of the last tokens before the newest was used first. */
  agesMs: number[];
}

export type EndReason = 'logout' | 'logout_all' | 'ended' | 'reuse' | 'too_many' | 'disabled' | 'password_reset';

export const OPEN = 's.ended_at IS NULL AND s.expires_at > now()';
export const WELCOME = 'u.disabled_at IS NULL AND u.deleted_at IS NULL';

@Injectable()
export class SessionsStore {
  constructor(private readonly db: DataSource) {}

  async add(tx: Tx, session: Pick<Session, 'id' | 'userId' | 'root' | 'address' | 'client'>): Promise<void> {
    const { id, userId, root, address, client } = session;
    await tx.query(
      `INSERT INTO sessions (id, user_id, root, address, client, expires_at) VALUES ($1, $2, $3, $4, $5, now() + make_interval(days => $6))`,
      [id, userId, root, address, client, REFRESH_DAYS],
    );
    await tx.query(`DELETE FROM sessions WHERE user_id = $1 AND expires_at < now() - make_interval(days => $2)`, [userId, REFRESH_DAYS]);
    await tx.query(
      `UPDATE sessions SET ended_at = now(), end_reason = 'too_many' WHERE id IN
         (SELECT s.id FROM sessions s WHERE s.user_id = $1 AND ${OPEN} ORDER BY s.last_used_at DESC, s.id DESC OFFSET $2)`,
      [userId, MOST_OPEN],
    );
  }

  async family(id: string): Promise<Family | null> {
    const [found] = await this.db.query<Family[]>(
      `SELECT u.id AS "userId", s.root, s.generation,
              ARRAY(SELECT (extract(epoch FROM now() - at) * 1000)::float8 FROM unnest(s.rotations) at) AS "agesMs"
         FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND ${OPEN} AND ${WELCOME}`,
      [id],
    );
    return found ?? null;
  }

  /** The rule of rotation: of all who come with one token, one goes on. */
  async rotate(id: string, generation: number): Promise<boolean> {
    const [, changed] = await this.db.query<[unknown, number]>(
      `UPDATE sessions s SET generation = generation + 1, last_used_at = now(), expires_at = now() + make_interval(days => $3),
              rotations = (rotations || now())[greatest(1, cardinality(rotations) + 2 - $4):]
        WHERE s.id = $1 AND s.generation = $2 AND ${OPEN}`,
      [id, generation, REFRESH_DAYS, REMEMBERED],
    );
    return changed === 1;
  }

  listOf(userId: string): Promise<Session[]> {
    return this.db.manager
      .createQueryBuilder(Session, 's')
      .where(`s.user_id = :userId AND ${OPEN}`, { userId })
      .orderBy('s.last_used_at', 'DESC')
      .getMany();
  }

  allOf(userId: string): Promise<Session[]> {
    return this.db.manager.find(Session, { where: { userId }, order: { id: 'DESC' } });
  }

  async remove(tx: Tx, userId: string): Promise<void> {
    await tx.delete(Session, { userId });
  }

  /** Ends those of one person, or that one of them; tells how many there were. */
  async end(tx: Tx, userId: string, reason: EndReason, id?: string): Promise<number> {
    const [, ended] = await tx.query<[unknown, number]>(
      `UPDATE sessions s SET ended_at = now(), end_reason = $2 WHERE s.user_id = $1 AND ($3::uuid IS NULL OR s.id = $3) AND ${OPEN}`,
      [userId, reason, id ?? null],
    );
    return ended;
  }
}
