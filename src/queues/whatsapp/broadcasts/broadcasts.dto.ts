import { z } from 'zod';
import { notBoth, notBothFault, pagedQuery } from '../../../http/lists.js';
import { dedupeKeyShape, templateShape } from '../messages.dto.js';
import { broadcastStates } from './broadcasts.store.js';

const MOST_CENTS = 1_000_000_000_000;

const audienceShape = z
  .strictObject({
    kind: z.literal('supporters'),
    minCents: z.int().min(0).max(MOST_CENTS).optional(),
    since: z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .optional()
      .meta({ type: 'string', format: 'date-time' }),
  })
  .meta({ id: 'Audience' });

export const broadcastShape = z
  .strictObject({
    campaignId: z.string().min(1).max(200),
    template: templateShape,
    audience: audienceShape,
    dedupeKey: dedupeKeyShape.optional(),
  })
  .meta({ id: 'NewBroadcast' });
export type BroadcastBody = z.output<typeof broadcastShape>;

export const previewShape = z.strictObject({ template: templateShape }).meta({ id: 'BroadcastWording' });
export type PreviewBody = z.output<typeof previewShape>;

export const broadcastsQuery = z.object({ ...pagedQuery, campaignId: z.string().min(1).max(200).optional() }).refine(notBoth, notBothFault);
export type BroadcastsQuery = z.output<typeof broadcastsQuery>;

const moment = z.iso.datetime();
const count = z.int().min(0);

export const countsShape = z
  .object({
    ...{ total: count, optedOut: count, invalid: count, queued: count, sending: count, sent: count },
    ...{ delivered: count, read: count, failed: count, suppressed: count, unknown: count },
  })
  .meta({ id: 'BroadcastCounts' });

export const planShape = z
  .object({
    ...{ recipients: count, optedOut: count, invalid: count, willGo: count },
    ...{ startsAt: moment.nullable(), endsAt: moment.nullable(), perSecond: count },
    days: z.array(z.object({ day: z.iso.date(), messages: count })),
    waitsFor: z.array(z.object({ reason: z.enum(['ahead', 'tier', 'quiet_hours', 'paused']), until: moment.nullable() })),
  })
  .meta({ id: 'FlightPlan' });

const fields = {
  id: z.uuid(),
  status: z.enum(broadcastStates),
  campaignId: z.uuid(),
  senderId: z.uuid(),
  template: templateShape,
  audience: z.object({ kind: z.literal('supporters'), minCents: count.optional(), since: moment.optional() }),
  counts: countsShape,
  plan: planShape,
  ...{ createdAt: moment, startedAt: moment.nullable(), pausedAt: moment.nullable(), endedAt: moment.nullable() },
};

export const broadcastItemShape = z.object(fields).meta({ id: 'BroadcastItem' });
export const broadcastAnswerShape = z.object({ ...fields, endsAt: moment.nullable() }).meta({ id: 'Broadcast' });

export const previewAnswerShape = z
  .object({ name: z.string(), parameters: z.array(z.string()), text: z.string().nullable() })
  .meta({ id: 'BroadcastPreview' });

export const reportShape = z
  .object({
    id: z.uuid(),
    status: z.enum(broadcastStates),
    counts: countsShape,
    reasons: z.array(z.object({ status: z.string(), code: z.int().nullable(), reason: z.string(), messages: count })),
    deliveryRate: z.number().nullable(),
    readRate: z.number().nullable(),
    durationSeconds: z.number().nullable(),
  })
  .meta({ id: 'BroadcastReport' });
