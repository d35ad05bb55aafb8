import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transactions.js';
import type { Likeness } from './likeness.js';
import type { Meaning } from './meaning.js';

export interface Session {
  id: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface Turn {
  id: string;
  sessionId: string;
  question: string;
  sql: string;
  meaning: Meaning | null;
  askedAt: Date;
}

export type NewTurn = Omit<Turn, 'askedAt'> & { likeness: Likeness | null };

const HEAD = 'id, created_at AS "createdAt", updated_at AS "updatedAt"';
const TURN = 'id, session_id AS "sessionId", asked AS question, sql, meaning, created_at AS "askedAt"';

@Injectable()
export class SessionsStore {
  constructor(private readonly db: DataSource) {}

  async find(userId: string, id: string): Promise<Session | undefined> {
    const [found] = await this.db.query<Session[]>(`SELECT ${HEAD} FROM analytics_sessions WHERE id = $1 AND user_id = $2`, [id, userId]);
    return found;
  }

  async last(sessionId: string): Promise<Turn | undefined> {
    const [found] = await this.db.query<Turn[]>(`SELECT ${TURN} FROM analytics_questions WHERE session_id = $1 ORDER BY id DESC LIMIT 1`, [
      sessionId,
    ]);
    return found;
  }

  /** With the session, where it is new; for somebody who is still there. */
  async add(userId: string, { id, sessionId, question, sql, meaning, likeness }: NewTurn): Promise<void> {
    await this.db.query(
      `WITH who AS (SELECT id FROM users WHERE id = $1 AND deleted_at IS NULL FOR SHARE),
         its AS (INSERT INTO analytics_sessions AS known (id, user_id) SELECT $2, id FROM who
           ON CONFLICT (id) DO UPDATE SET updated_at = greatest(known.updated_at, now()) WHERE known.user_id = $1 RETURNING id)
       INSERT INTO analytics_questions (id, session_id, asked, sql, meaning, cache_key, concepts) SELECT $3, id, $4, $5, $6, $7, $8 FROM its`,
      [userId, sessionId, id, question, sql, meaning && JSON.stringify(meaning), likeness?.key ?? null, likeness?.concepts ?? null],
    );
  }

  /** What the same question became before, whoever of the same scope asked it. */
  async alike({ key, concepts }: Likeness): Promise<Pick<Turn, 'sql' | 'meaning'> | undefined> {
    const [found] = await this.db.query<Pick<Turn, 'sql' | 'meaning'>[]>(
      'SELECT sql, meaning FROM analytics_questions WHERE cache_key = $1 AND concepts = $2 ORDER BY id DESC LIMIT 1',
      [key, concepts],
    );
    return found;
  }

  /** The one in which something was asked last first. */
  list(userId: string, moment: string | undefined, after: string | undefined, take: number): Promise<(Session & { questions: number })[]> {
    return this.db.query(
      `SELECT ${HEAD}, (SELECT count(*)::int FROM analytics_questions q WHERE q.session_id = s.id) AS questions FROM analytics_sessions s
        WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (updated_at, id) < ($2, $3::uuid)) ORDER BY updated_at DESC, id DESC LIMIT ${take}`,
      [userId, moment ?? null, after ?? null],
    );
  }

  /** The first question first; of one session at most so many. */
  turns(sessionId: string, most: number): Promise<Turn[]> {
    return this.db.query(
      `SELECT * FROM (SELECT ${TURN} FROM analytics_questions WHERE session_id = $1 ORDER BY id DESC LIMIT ${most}) t ORDER BY id`,
      [sessionId],
    );
  }

  async remove(userId: string, id: string): Promise<boolean> {
    const [, removed] = await this.db.query<[unknown, number]>('DELETE FROM analytics_sessions WHERE id = $1 AND user_id = $2', [
      id,
      userId,
    ]);
    return removed === 1;
  }

  async removeAllOf(tx: Tx, userId: string): Promise<void> {
    await tx.query('DELETE FROM analytics_sessions WHERE user_id = $1', [userId]);
  }

  async allOf(userId: string): Promise<(Session & { turns: Turn[] })[]> {
    const [sessions, turns] = await Promise.all([
      this.db.query<Session[]>(`SELECT ${HEAD} FROM analytics_sessions WHERE user_id = $1 ORDER BY id`, [userId]),
      this.db.query<Turn[]>(
        `SELECT ${TURN} FROM analytics_questions WHERE session_id IN (SELECT id FROM analytics_sessions WHERE user_id = $1) ORDER BY analytics_questions.id`,
        [userId],
      ),
    ]);
    return sessions.map((session) => ({ ...session, turns: turns.filter(({ sessionId }) => sessionId === session.id) }));
  }
}
