import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { User } from '../users/user.entity.js';

/** One sign-in and all refresh tokens that come of it: a family. */
@Entity('sessions')
@Index('sessions_of_user', ['userId', 'id'])
export class Session {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'sessions_pkey' })
  id!: string;

  @ForeignKey(() => User, { name: 'sessions_user' })
  @Column('uuid', { name: 'user_id' })
  userId!: string;

  /** What its tokens are made of, together with the system's own key. */
  @Column('bytea', { select: false })
  root!: Buffer;

  /** Which of its refresh tokens is the newest. */
  @Column('integer', { default: 0 })
  generation!: number;

  /** When the last ones before it were used first. */
  @Column('timestamptz', { array: true, default: () => "'{}'" })
  rotations!: Date[];

  @Column('text')
  address!: string;

  /** As it names itself. */
  @Column('text')
  client!: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'last_used_at', default: () => 'now()' })
  lastUsedAt!: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt!: Date;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt!: Date | null;

  @Column('text', { name: 'end_reason', nullable: true })
  endReason!: string | null;
}
