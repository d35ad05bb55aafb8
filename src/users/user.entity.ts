import { Check, Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import type { Role } from '../http/caller.js';
import { Plan } from './plan.entity.js';

/** A person. Of one who went, the row stays without anything that tells who it was. */
@Entity('users')
@Unique('users_email', ['email'])
@Check('users_role', `role IN ('donor', 'organizer', 'admin')`)
export class User {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'users_pkey' })
  id!: string;

  @Column('text', { nullable: true })
  email!: string | null;

  @Column('text')
  name!: string;

  @Column('text', { name: 'password_hash', nullable: true, select: false })
  passwordHash?: string | null;

  @Column('text', { default: 'donor' })
  role!: Role;

  @ForeignKey(() => Plan, { name: 'users_plan' })
  @Column('text', { name: 'plan_id', default: 'free' })
  plan!: string;

  @Column('text', { nullable: true })
  phone!: string | null;

  @Column('boolean', { name: 'messaging_consent', default: false })
  messagingConsent!: boolean;

  @Column('timestamptz', { name: 'consent_at', nullable: true })
  consentAt!: Date | null;

  @Column('text', { name: 'consent_source', nullable: true })
  consentSource!: string | null;

  @Column('timestamptz', { name: 'email_verified_at', nullable: true })
  emailVerifiedAt!: Date | null;

  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt!: Date | null;

  @Column('timestamptz', { name: 'deleted_at', nullable: true })
  deletedAt!: Date | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
