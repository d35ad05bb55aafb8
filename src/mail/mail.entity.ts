import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

export type MailStatus = 'sending' | 'waiting' | 'sent' | 'refused' | 'unknown' | 'kept';

/** How far the letter of one job has come. What it says is only here where nothing is sent at all. */
@Entity('mails')
@Check('mails_status', `status IN ('sending', 'waiting', 'sent', 'refused', 'unknown', 'kept')`)
export class Mail {
  /** That of the job. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'mails_pkey' })
  id!: string;

  @Column('text')
  status!: MailStatus;

  @Column('timestamptz', { default: () => 'now()' })
  at!: Date;

  @Column('text', { nullable: true })
  recipient!: string | null;

  @Column('text', { nullable: true })
  subject!: string | null;

  @Column('text', { nullable: true })
  body!: string | null;
}
