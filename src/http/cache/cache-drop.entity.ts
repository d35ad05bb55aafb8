import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Tags that a commit dropped and of which Redis has not heard yet. While a row is here, Redis counts as empty. */
@Entity('cache_drops')
export class CacheDrop {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'cache_drops_pkey' })
  id!: string;

  @Column('jsonb')
  tags!: string[];

  @Column('timestamptz')
  at!: Date;
}
