import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

export const outboxStates = ['queued', 'handed', 'running', 'dead'] as const;
export type OutboxState = (typeof outboxStates)[number];

/** Work that must follow a change. A row is here until its effect is committed. */
@Entity('outbox')
@Index('outbox_work', ['state', 'queue', 'rankAt', 'id'])
export class OutboxMessage {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'outbox_pkey' })
  id!: string;

  @Column('text')
  queue!: string;

  @Column('text')
  job!: string;

  @Column('jsonb')
  payload!: unknown;

  @Column('text', { default: 'queued' })
  state!: OutboxState;

  @Column('timestamptz', { name: 'run_at', default: () => 'now()' })
  runAt!: Date;

  /** `run_at` and the handicap of the priority: the order of the queue. */
  @Column('timestamptz', { name: 'rank_at' })
  rankAt!: Date;

  /** Counts hand-overs to Bull; only the newest one may start or finish the job. */
  @Column('integer', { default: 0 })
  handovers!: number;

  @Column('integer', { default: 0 })
  runs!: number;

  @Column('integer', { default: 0 })
  failures!: number;

  @Column('timestamptz', { name: 'lease_until', nullable: true })
  leaseUntil!: Date | null;

  @Column('text', { name: 'last_error', nullable: true })
  lastError!: string | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  /** The request that this follows from. */
  @Column('text', { name: 'request_id', nullable: true })
  requestId!: string | null;

  @Column('text', { nullable: true })
  traceparent!: string | null;
}

/** The lasting guard: written with the effect, so that no job takes effect twice. */
@Entity('handled_jobs')
@Index('handled_jobs_lately', { synchronize: false })
export class HandledJob {
  @PrimaryColumn('uuid', { name: 'outbox_id', primaryKeyConstraintName: 'handled_jobs_pkey' })
  outboxId!: string;

  @Column('text')
  job!: string;

  @Column('timestamptz', { name: 'handled_at', default: () => 'now()' })
  handledAt!: Date;

  /** From due to begun. */
  @Column('integer', { name: 'waited_ms', nullable: true })
  waitedMs!: number | null;
}

@Entity('queue_states')
export class QueueState {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'queue_states_pkey' })
  queue!: string;

  @Column('boolean', { default: false })
  paused!: boolean;

  @Column('timestamptz', { name: 'changed_at', default: () => 'now()' })
  changedAt!: Date;

  /** Where nobody paused it by hand. */
  @Column('text', { nullable: true })
  why!: string | null;
}
