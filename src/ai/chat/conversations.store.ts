import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transactions.js';
import type { Usage } from '../providers/provider.js';
import type { Told } from './context.js';

export interface Conversation {
  id: string;
  title: string;
  createdAt: Date;
  updatedAt: Date;
}

/** A message with its reply, which are stored at once or not at all. */
export interface StoredTurn extends Told, Usage {
  id: string;
  conversationId: string;
  model: string;
  cached: boolean;
  /** Whether the reply did not come to its end. */
  cut: boolean;
  costNanos: number;
  createdAt: Date;
}

export type NewTurn = Omit<StoredTurn, 'createdAt'>;

const TURN = 'id, conversation_id, asked, reply, model, cached, cut, prompt_tokens, completion_tokens, cost_nanos';
const valuesOf = (turn: NewTurn) => [
  ...[turn.conversationId, turn.id, turn.message, turn.reply, turn.model, turn.cached, turn.cut],
  ...[turn.promptTokens, turn.completionTokens, turn.costNanos],
];
const ADD = `INSERT INTO ai_turns (${TURN}) SELECT $2, id, $3, $4, $5, $6, $7, $8, $9, $10`;
const READ = `SELECT id, conversation_id AS "conversationId", asked AS message, reply, model, cached, cut, prompt_tokens::float8 AS "promptTokens",
  completion_tokens::float8 AS "completionTokens", cost_nanos::float8 AS "costNanos", created_at AS "createdAt" FROM ai_turns`;
const HEAD = 'id, title, created_at AS "createdAt", updated_at AS "updatedAt"';

/** Nobody remembers more than this of what was said before, however short it was. */
const MOST_REMEMBERED = 200;

@Injectable()
export class ConversationsStore {
  constructor(private readonly db: DataSource) {}

  /** With its first turn, for somebody who is still there. */
  async begin(userId: string, title: string, turn: NewTurn): Promise<void> {
    await this.db.query(
      `WITH who AS (SELECT id FROM users WHERE id = $11 AND deleted_at IS NULL FOR SHARE),
         begun AS (INSERT INTO ai_conversations (id, user_id, title) SELECT $1, id, $12 FROM who RETURNING id)
       ${ADD} FROM begun`,
      [...valuesOf(turn), userId, title],
    );
  }

  /** Where the conversation is gone, the turn has no place either. */
  async add(turn: NewTurn): Promise<void> {
    await this.db.query(
      `WITH its AS (UPDATE ai_conversations SET updated_at = greatest(updated_at, now()) WHERE id = $1 RETURNING id) ${ADD} FROM its`,
      valuesOf(turn),
    );
  }

  async find(userId: string, id: string): Promise<Conversation | undefined> {
    const [found] = await this.db.query<Conversation[]>(`SELECT ${HEAD} FROM ai_conversations WHERE id = $1 AND user_id = $2`, [
      id,
      userId,
    ]);
    return found;
  }

  /** What was said last, in its order, of no more bytes than these. */
  latest(conversationId: string, mostBytes: number): Promise<Told[]> {
    return this.db.query(
      `SELECT asked AS message, reply FROM (
         SELECT id, asked, reply, sum(octet_length(asked) + octet_length(reply)) OVER (ORDER BY id DESC) AS bytes
           FROM ai_turns WHERE conversation_id = $1 ORDER BY id DESC LIMIT ${MOST_REMEMBERED}) t
        WHERE bytes <= $2 ORDER BY id`,
      [conversationId, mostBytes],
    );
  }

  /** The one that was said last first. */
  turns(conversationId: string, before: string | undefined, take: number): Promise<StoredTurn[]> {
    return this.db.query(`${READ} WHERE conversation_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY ai_turns.id DESC LIMIT ${take}`, [
      conversationId,
      before ?? null,
    ]);
  }

  /** The one that was spoken in last first. */
  list(userId: string, moment: string | undefined, after: string | undefined, take: number): Promise<(Conversation & { turns: number })[]> {
    return this.db.query(
      `SELECT ${HEAD}, (SELECT count(*)::int FROM ai_turns t WHERE t.conversation_id = c.id) AS turns FROM ai_conversations c
        WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (updated_at, id) < ($2, $3::uuid)) ORDER BY updated_at DESC, id DESC LIMIT ${take}`,
      [userId, moment ?? null, after ?? null],
    );
  }

  /** All of it, with all that was said in it. */
  async remove(userId: string, id: string): Promise<boolean> {
    const [, removed] = await this.db.query<[unknown, number]>('DELETE FROM ai_conversations WHERE id = $1 AND user_id = $2', [id, userId]);
    return removed === 1;
  }

  async removeAllOf(tx: Tx, userId: string): Promise<void> {
    await tx.query('DELETE FROM ai_conversations WHERE user_id = $1', [userId]);
  }

  async allOf(userId: string): Promise<(Conversation & { turns: StoredTurn[] })[]> {
    const [conversations, turns] = await Promise.all([
      this.db.query<Conversation[]>(`SELECT ${HEAD} FROM ai_conversations WHERE user_id = $1 ORDER BY id`, [userId]),
      this.db.query<StoredTurn[]>(
        `${READ} WHERE conversation_id IN (SELECT id FROM ai_conversations WHERE user_id = $1) ORDER BY ai_turns.id`,
        [userId],
      ),
    ]);
    const whole = new Map(conversations.map((each) => [each.id, { ...each, turns: [] as StoredTurn[] }]));
    for (const turn of turns) whole.get(turn.conversationId)?.turns.push(turn);
    return [...whole.values()];
  }
}
