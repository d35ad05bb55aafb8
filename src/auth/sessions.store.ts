import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Questions } from '../database/questions.js';
import { withCommit, type Tx } from '../database/transactions.js';
import type { Caller } from '../http/caller.js';
import type { User } from '../users/user.entity.js';
import { Session } from './session.entity.js';

export const REFRESH_DAYS = 30;
/** Rotations that are remembered; more within the time of grace is no client that lost an answer. */
const REMEMBERED = 64;
/** Sign-ins of one person at once; the one used longest ago ends for the next. */
const MOST_OPEN = 100;

/** What a session tells of its person. */
export type SessionUser = Pick<User, 'id' | 'email' | 'name' | 'role' | 'plan'>;

export interface Family {
  user: SessionUser;
  root: Buffer;
  generation: number;
  /** Milliseconds since each of the last tokens before the newest was used first. */
  agesMs: number[];
}

export type EndReason = 'logout' | 'logout_all' | 'ended' | 'reuse' | 'too_many' | 'disabled' | 'password_reset';

export const OPEN = 's.ended_at IS NULL AND s.expires_at > now()';
export const WELCOME = 'u.disabled_at IS NULL AND u.deleted_at IS NULL';

/** Beside the new one, those that nobody asks for any more go, and the one used longest ago where there are too many. */
const ADD = `
  WITH gone AS (DELETE FROM sessions WHERE user_id = $2 AND expires_at < now() - interval '${REFRESH_DAYS} days'),
       ended AS (UPDATE sessions SET ended_at = now(), end_reason = 'too_many' WHERE id IN
         (SELECT s.id FROM sessions s WHERE s.user_id = $2 AND ${OPEN} ORDER BY s.last_used_at DESC, s.id DESC OFFSET ${MOST_OPEN - 1}))
  INSERT INTO sessions (id, user_id, root, address, client, expires_at)
  VALUES ($1, $2, decode($3, 'hex'), $4, $5, now() + interval '${REFRESH_DAYS} days')`;

const FAMILY = {
  name: 'session-family',
  text: `
  SELECT json_build_object('id', u.id, 'email', u.email, 'name', u.name, 'role', u.role, 'plan', u.plan_id) AS "user", s.root, s.generation,
         ARRAY(SELECT (extract(epoch FROM now() - at) * 1000)::float8 FROM unnest(s.rotations) at) AS "agesMs"
    FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND ${OPEN} AND ${WELCOME}`,
};

@Injectable()
export class SessionsStore {
  constructor(
    private readonly db: DataSource,
    private readonly questions: Questions,
  ) {}

  /** Travels with the commit. */
  add(tx: Tx, { id, userId, root, address, client }: Pick<Session, 'id' | 'userId' | 'root' | 'address' | 'client'>): void {
    withCommit(tx, { name: 'session-open', text: ADD, values: [id, userId, root.toString('hex'), address, client] });
  }

  async family(id: string): Promise<Family | null> {
    const [found] = await this.questions.ask<Family>(FAMILY, [id]);
    return found ?? null;
  }

  /** Whether it still lets him in. Until this transaction is over nothing else of the person is changed. */
  async holds(tx: Tx, { id, sessionId }: Pick<Caller, 'id' | 'sessionId'>): Promise<boolean> {
    const person = await tx.query<unknown[]>(`SELECT FROM users u WHERE u.id = $1 AND ${WELCOME} FOR NO KEY UPDATE`, [id]);
    const session = await tx.query<unknown[]>(`SELECT FROM sessions s WHERE s.id = $1 AND s.user_id = $2 AND ${OPEN} FOR SHARE`, [
      sessionId,
      id,
    ]);
    return person.length === 1 && session.length === 1;
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

  /** The newest first. */
  listOf(userId: string, after: string | undefined, take: number): Promise<Session[]> {
    const found = this.db.manager.createQueryBuilder(Session, 's').where(`s.user_id = :userId AND ${OPEN}`, { userId });
    if (after !== undefined) found.andWhere('s.id < :after', { after });
    return found.orderBy('s.id', 'DESC').limit(take).getMany();
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
