import { z } from 'zod';
import { notBoth, notBothFault, pagedQuery } from '../../http/lists.js';
import type { Alert } from './alerts.store.js';
import { ruleNames, rules } from './rules.js';

export const alertShape = z
  .object({
    id: z.uuid(),
    rule: z.enum(ruleNames),
    says: z.string(),
    status: z.enum(['firing', 'resolved']),
    value: z.number(),
    threshold: z.number(),
    instance: z.string().nullable(),
    firedAt: z.iso.datetime(),
    resolvedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Alert' });
export type AlertView = z.output<typeof alertShape>;

export const alertOf = (alert: Alert): AlertView => ({
  ...alert,
  firedAt: alert.firedAt.toISOString(),
  resolvedAt: alert.resolvedAt?.toISOString() ?? null,
  says: rules[alert.rule].says,
  status: alert.resolvedAt === null ? 'firing' : 'resolved',
});

export const alertsQuery = z.object({ ...pagedQuery, status: z.enum(['firing', 'resolved']).optional() }).refine(notBoth, notBothFault);
export type AlertsQuery = z.output<typeof alertsQuery>;
