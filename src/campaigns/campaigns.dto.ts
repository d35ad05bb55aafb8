import { z } from 'zod';
import { notBoth, notBothFault, pagedQuery } from '../http/lists.js';
import { statuses } from './campaign.entity.js';
import { cleanHtml } from './html.js';

const MOST_GOAL_CENTS = 1_000_000_000_000;
const MOST_DESCRIPTION_LETTERS = 50_000;

export const categories = [
  'health',
  'education',
  'children',
  'animals',
  'emergency',
  'food',
  'housing',
  'culture',
  'sports',
  'environment',
  'other',
] as const;

const line = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]*$/u, 'must be one line of plain text');

export const htmlShape = z
  .string()
  .max(MOST_DESCRIPTION_LETTERS)
  .regex(/^(?:[\t\n\r]|[^\p{Cc}])*$/u, 'must not hold control characters')
  .transform(cleanHtml)
  .refine((text) => text !== '', 'must hold some text')
  // Signs that mean something in HTML take several letters then, and lists hold many of these.
  .refine((text) => text.length <= MOST_DESCRIPTION_LETTERS, `must have at most ${MOST_DESCRIPTION_LETTERS} letters once cleaned`)
  .meta({ type: 'string' });

/** Years of five digits are read by nobody. */
const LATEST = Date.UTC(3000, 0);

const endsAtShape = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .refine((at) => at.getTime() > Date.now(), 'must be in the future')
  .refine((at) => at.getTime() < LATEST, 'must be before the year 3000')
  .meta({ type: 'string', format: 'date-time' });

const fields = {
  title: line(120),
  summary: line(300),
  description: htmlShape,
  goalCents: z.int().min(100).max(MOST_GOAL_CENTS),
  endsAt: endsAtShape.nullable().optional(),
  category: z.enum(categories).nullable().optional(),
  coverUrl: z
    .string()
    .max(2_000)
    .regex(
      /^https:\/\/[\w-]+(?:\.[\w-]+)+(?::\d{1,5})?(?:[/?#][^\s"'<>\\^`{|}]*)?$/i,
      'must be an address of https as it is written in a link',
    )
    .nullable()
    .optional(),
};

export const newCampaignShape = z.strictObject({ ...fields, currency: z.literal('BRL').default('BRL') }).meta({ id: 'NewCampaign' });
export type NewCampaignBody = z.output<typeof newCampaignShape>;

export const campaignChangeShape = z.strictObject(fields).partial().meta({ id: 'CampaignChange' });
export type CampaignChangeBody = z.output<typeof campaignChangeShape>;

export const updateShape = z.strictObject({ title: line(120), body: htmlShape }).meta({ id: 'NewCampaignUpdate' });
export type UpdateBody = z.output<typeof updateShape>;

export const sorts = ['-createdAt', 'createdAt', 'endsAt', '-goalCents', '-raisedCents'] as const;
export type Sort = (typeof sorts)[number];

export const campaignsQuery = z
  .object({
    ...pagedQuery,
    sort: z.enum(sorts).default('-createdAt'),
    status: z.enum(statuses).optional(),
    q: z.string().trim().max(200).optional(),
    ownerId: z.union([z.uuid(), z.literal('me')]).optional(),
  })
  .refine(notBoth, notBothFault)
  .refine(({ sort, cursor }) => sort !== '-raisedCents' || cursor === undefined, {
    path: ['cursor'],
    message: 'does not go together with -raisedCents',
  });
export type CampaignsQuery = z.output<typeof campaignsQuery>;
