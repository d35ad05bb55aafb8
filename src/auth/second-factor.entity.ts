import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { User } from '../users/user.entity.js';

/** The second proof of a person, once he has confirmed that he can give it. */
@Entity('second_factors')
export class SecondFactor {
  @ForeignKey(() => User, { name: 'second_factors_user' })
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'second_factors_pkey' })
  userId!: string;

  /** Sealed with the system's key. */
  @Column('bytea')
  secret!: Buffer;

  /** Digests of the recovery codes that are left. */
  @Column('bytea', { array: true })
  recovery!: Buffer[];

  /** Of the last code that was used: none up to it counts again. */
  @Column('integer', { name: 'last_step', default: 0 })
  lastStep!: number;

  @Column('timestamptz', { name: 'confirmed_at', nullable: true })
  confirmedAt!: Date | null;
}
