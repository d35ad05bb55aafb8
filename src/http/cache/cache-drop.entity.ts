import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Tags that a commit dropped and of which Redis has not heard yet. While a row is here, Redis counts as empty. */
@Entity('cache_drops')
export class CacheDrop {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'cache_drops_pkey' })
  id!: string;

  @Column('jsonb')
  tags!: string[];

  /** All tags that begin like one of these are dropped, too. */
  @Column('jsonb', { default: [] })
  prefixes!: string[];

  @Column('timestamptz')
  at!: Date;
}
