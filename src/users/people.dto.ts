import { z } from 'zod';
import { notBoth, notBothFault, pagedQuery, pagedShape } from '../http/lists.js';
import type { RouteWords } from '../http/says.js';
import type { AuditEntry } from './audit.entity.js';
import type { User } from './user.entity.js';
import { profileOf, profileShape } from './users.dto.js';
import { exampleProfile } from './users.words.js';

const group = 'People: admins';
const roles = z.enum(['donor', 'organizer', 'admin']);

export const peopleQuery = z
  .object({ ...pagedQuery, q: z.string().trim().max(200).optional(), role: roles.optional() })
  .refine(notBoth, notBothFault);
export type PeopleQuery = z.output<typeof peopleQuery>;

export const rightsShape = z
  .strictObject({ role: roles.optional(), plan: z.enum(['free', 'pro', 'enterprise']).optional(), disabled: z.boolean().optional() })
  .meta({ id: 'RightsChange' });
export type RightsBody = z.output<typeof rightsShape>;

export const auditQuery = z.object({ ...pagedQuery, subjectId: z.uuid().optional() }).refine(notBoth, notBothFault);
export type AuditQuery = z.output<typeof auditQuery>;

const personShape = profileShape.extend({ disabled: z.boolean() }).meta({ id: 'Person' });
export const personOf = (user: User) => ({ ...profileOf(user), disabled: user.disabledAt !== null });

export const entryOf = ({ id, at, actorId, subjectId, action, facts }: AuditEntry) => ({ id, at, actorId, subjectId, action, facts });
const entryShape = z
  .object({
    id: z.uuid(),
    at: z.iso.datetime(),
    actorId: z.uuid().nullable(),
    subjectId: z.uuid().nullable(),
    action: z.string(),
    facts: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEntry' });

const examplePerson = { ...exampleProfile, disabled: false };

export const peopleWords: Record<'list' | 'one' | 'change' | 'erase' | 'audit', RouteWords> = {
  list: {
    group,
    summary: 'People',
    detail: '`q` looks into names and e-mail addresses. The newest first, by `page` or by `cursor`.',
    answers: { 200: { says: 'Some of them.', shape: pagedShape(personShape) } },
  },
  one: { group, summary: 'One person', answers: { 200: { says: 'The person.', shape: personShape, example: examplePerson } } },
  change: {
    group,
    summary: 'Change somebody’s rights',
    detail: 'Holds within seconds in every process. Whoever is disabled is signed out everywhere. The last admin stays one: 409.',
    body: { role: 'organizer' },
    answers: { 200: { says: 'The person as he is now.', shape: personShape, example: examplePerson } },
  },
  erase: {
    group,
    summary: 'Remove a person',
    detail: 'Whatever tells who it was is gone; gifts and books stay without a name.',
    answers: { 204: { says: 'The person is gone.' } },
  },
  audit: {
    group,
    summary: 'Changes of rights',
    detail: 'Who changed whose rights and when, the newest first. The log only grows.',
    answers: { 200: { says: 'Some of them.', shape: pagedShape(entryShape) } },
  },
};
