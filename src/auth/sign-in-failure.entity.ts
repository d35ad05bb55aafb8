import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Failed sign-ins in a row for one e-mail address, known here or not. */
@Entity('sign_in_failures')
export class SignInFailure {
  /** Digest of the address. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'sign_in_failures_pkey' })
  account!: Buffer;

  @Column('integer')
  failures!: number;

  @Column('timestamptz', { name: 'failed_at' })
  failedAt!: Date;
}
