import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import { User } from '../users/user.entity.js';

export const statuses = ['draft', 'active', 'paused', 'ended', 'held'] as const;
export type CampaignStatus = (typeof statuses)[number];

/** What people give for. */
@Entity('campaigns')
@Unique('campaigns_slug', ['slug'])
@Check('campaigns_goal', 'goal_cents > 0')
@Check('campaigns_currency', `currency = 'BRL'`)
@Check('campaigns_status', `status IN ('draft', 'active', 'paused', 'ended', 'held')`)
@Check('campaigns_held', `(held_from IS NOT NULL) = (status = 'held')`)
@Index('campaigns_search', { synchronize: false })
@Index('campaigns_words', { synchronize: false })
@Index('campaigns_of_owner', ['ownerId', 'id'])
@Index('campaigns_by_end', ['endsAt', 'id'])
@Index('campaigns_by_goal', ['goalCents', 'id'])
export class Campaign {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'campaigns_pkey' })
  id!: string;

  /** Its name in addresses, which never changes. */
  @Column('text')
  slug!: string;

  @ForeignKey(() => User, { name: 'campaigns_owner' })
  @Column('uuid', { name: 'owner_id' })
  ownerId!: string;

  @Column('text')
  title!: string;

  @Column('text')
  summary!: string;

  /** HTML, cleaned. */
  @Column('text')
  description!: string;

  /** Of all its texts, by which it is found; the database keeps them. */
  @Column({ type: 'tsvector', nullable: true, select: false, insert: false, update: false })
  words!: string | null;

  @Column('text', { nullable: true })
  category!: string | null;

  @Column('text', { name: 'cover_url', nullable: true })
  coverUrl!: string | null;

  @Column('bigint', { name: 'goal_cents', transformer: { from: Number, to: (cents: number) => cents } })
  goalCents!: number;

  @Column('text')
  currency!: string;

  /** As it was set; a campaign whose end has passed is over, whatever stands here. */
  @Column('text', { default: 'draft' })
  status!: CampaignStatus;

  @Column('text', { name: 'held_from', nullable: true })
  heldFrom!: CampaignStatus | null;

  @Column('timestamptz', { name: 'ends_at', nullable: true })
  endsAt!: Date | null;

  /** Of what its owner says; gifts do not change it. */
  @Column('integer', { default: 1 })
  version!: number;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
