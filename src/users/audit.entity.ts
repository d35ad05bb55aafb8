import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** One change of somebody's rights. The database itself refuses to change or remove it. */
@Entity('audit_log')
@Index('audit_log_of_subject', ['subjectId', 'id'])
export class AuditEntry {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'audit_log_pkey' })
  id!: string;

  @Column('timestamptz', { default: () => 'now()' })
  at!: Date;

  /** Who did it; nobody where the system did. */
  @Column('uuid', { name: 'actor_id', nullable: true })
  actorId!: string | null;

  /** Whose rights they are. */
  @Column('uuid', { name: 'subject_id', nullable: true })
  subjectId!: string | null;

  @Column('text')
  action!: string;

  @Column('jsonb')
  facts!: Record<string, unknown>;
}
