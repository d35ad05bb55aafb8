import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transactions.js';
import { Outbox } from '../../outbox/outbox.service.js';
import { Belongings, type Belonging } from '../../users/belongings.service.js';
import { removeRecordings } from './audio.queue.js';

const MOST = 10_000;
const AT_ONCE = 500;

/** What somebody recorded, and what was said in it. */
@Injectable()
export class RecordingsOfPeople implements Belonging, OnModuleInit {
  readonly name = 'recordings';

  constructor(
    private readonly belongings: Belongings,
    private readonly outbox: Outbox,
    private readonly db: DataSource,
  ) {}

  onModuleInit(): void {
    this.belongings.add(this);
  }

  export(userId: string): Promise<unknown> {
    return this.db.query(
      `SELECT id, state AS status, priority, kind AS format, bytes::float8, created_at AS "createdAt", ended_at AS "endedAt", why AS reason, measures, transcript,
         CASE WHEN state = 'completed' THEN '/api/v1/queues/audio/jobs/' || id || '/normalized' END AS file
       FROM audio_jobs WHERE owner_id = $1 ORDER BY id DESC LIMIT ${MOST}`,
      [userId],
    );
  }

  /** A voice tells who somebody is: nothing of it stays. */
  async erase(tx: Tx, userId: string): Promise<void> {
    const [rows] = await tx.query<[{ id: string }[], number]>('DELETE FROM audio_jobs WHERE owner_id = $1 RETURNING id', [userId]);
    for (let from = 0; from < rows.length; from += AT_ONCE)
      this.outbox.add(tx, removeRecordings, { ids: rows.slice(from, from + AT_ONCE).map(({ id }) => id) });
  }
}
