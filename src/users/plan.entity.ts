import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** What a person may use. Where it says nothing, the configuration's own figure holds. */
@Entity('plans')
@Check('plans_daily_tokens', 'daily_tokens >= 0')
@Check('plans_daily_usd', 'daily_usd >= 0')
@Check('plans_requests', 'requests_per_minute >= 0')
@Check('plans_costly', 'costly_per_minute >= 0')
export class Plan {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'plans_pkey' })
  id!: string;

  @Column('text')
  name!: string;

  @Column('integer', { name: 'daily_tokens', nullable: true })
  dailyTokens!: number | null;

  /** Dollars of AI in a day. */
  @Column('double precision', { name: 'daily_usd', nullable: true })
  dailyUsd?: number | null;

  @Column('integer', { name: 'requests_per_minute', nullable: true })
  requestsPerMinute!: number | null;

  @Column('integer', { name: 'costly_per_minute', nullable: true })
  costlyPerMinute!: number | null;
}
