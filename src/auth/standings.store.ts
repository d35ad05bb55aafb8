import { Injectable } from '@nestjs/common';
import { Questions } from '../database/questions.js';
import type { Caller } from '../http/caller.js';
import { OPEN, WELCOME } from './sessions.store.js';

/** Whose sign-in or key it is and what may be done with it, as long as it lets anyone in. */
export interface Standing extends Omit<Caller, 'id' | 'sessionId'> {
  userId: string;
  /** Of a key: what it must match. */
  digest: Buffer | null;
}

const OF_PERSON = 'u.id AS "userId", u.role, p.requests_per_minute AS "requestsPerMinute", p.costly_per_minute AS "costlyPerMinute"';

const ALL = {
  name: 'standings',
  text: `
  SELECT s.id, ${OF_PERSON}, NULL::text[] AS scopes, NULL::bytea AS digest
    FROM sessions s JOIN users u ON u.id = s.user_id JOIN plans p ON p.id = u.plan_id
   WHERE s.id = ANY($1::uuid[]) AND ${OPEN} AND ${WELCOME}
  UNION ALL
  SELECT k.id, ${OF_PERSON}, k.scopes, k.digest
    FROM api_keys k JOIN users u ON u.id = k.user_id JOIN plans p ON p.id = u.plan_id
   WHERE k.id = ANY($1::uuid[]) AND k.ended_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND ${WELCOME}`,
};

@Injectable()
export class StandingsStore {
  constructor(private readonly questions: Questions) {}

  async of(ids: readonly string[]): Promise<ReadonlyMap<string, Standing>> {
    const found = await this.questions.ask<Standing & { id: string }>(ALL, [ids]);
    return new Map(found.map(({ id, ...standing }) => [id, standing]));
  }
}
