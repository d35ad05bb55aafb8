import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { Campaign } from './campaign.entity.js';

/** News of a campaign, by its organizer. */
@Entity('campaign_updates')
@Index('campaign_updates_of_campaign', ['campaignId', 'id'])
export class CampaignUpdate {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'campaign_updates_pkey' })
  id!: string;

  @ForeignKey(() => Campaign, { name: 'campaign_updates_campaign', onDelete: 'CASCADE' })
  @Column('uuid', { name: 'campaign_id' })
  campaignId!: string;

  @Column('text')
  title!: string;

  /** HTML, cleaned. */
  @Column('text')
  body!: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}
