import { z } from 'zod';
import { pagedShape, sliceShape } from '../http/lists.js';
import type { RouteWords } from '../http/says.js';
import { statuses } from './campaign.entity.js';
import type { CampaignUpdate } from './campaign-update.entity.js';
import type { CampaignView, WholeCampaign } from './campaigns.store.js';

const group = 'Campaigns';
const exampleCampaign = {
  title: 'A new roof for the nursery',
  summary: 'The rain comes in, and sixty children with it.',
  description: '<p>Sixty children need a dry room.</p>',
  goalCents: 5_000_000,
  category: 'children',
};

const itemShape = z
  .object({
    id: z.uuid(),
    slug: z.string(),
    title: z.string(),
    summary: z.string(),
    category: z.string().nullable(),
    coverUrl: z.string().nullable(),
    status: z.enum(statuses),
    goalCents: z.int(),
    raisedCents: z.int(),
    donorCount: z.int(),
    currency: z.string(),
    endsAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
    owner: z.object({ id: z.uuid(), name: z.string() }),
  })
  .meta({ id: 'CampaignItem' });
const wholeShape = itemShape.extend({ description: z.string(), version: z.int() }).meta({ id: 'Campaign' });
const updateShape = z
  .object({ id: z.uuid(), title: z.string(), body: z.string(), createdAt: z.iso.datetime() })
  .meta({ id: 'CampaignUpdate' });

export const itemOf = (row: CampaignView) => ({
  id: row.id,
  slug: row.slug,
  title: row.title,
  summary: row.summary,
  category: row.category,
  coverUrl: row.coverUrl,
  status: row.status,
  goalCents: row.goalCents,
  raisedCents: row.raisedCents,
  donorCount: row.donorCount,
  currency: row.currency,
  endsAt: row.endsAt,
  createdAt: row.createdAt,
  owner: { id: row.ownerId, name: row.ownerName },
});
export const wholeOf = (row: WholeCampaign) => ({ ...itemOf(row), description: row.description, version: row.version });
export const updateOf = ({ id, title, body, createdAt }: CampaignUpdate) => ({ id, title, body, createdAt });

const whole = (says: string) => ({ 200: { says, shape: wholeShape } });
const STATES = 'Again is 200; from a state that does not lead there 409 `campaign_state`.';

type Route =
  'list' | 'one' | 'create' | 'change' | 'publish' | 'pause' | 'close' | 'hold' | 'release' | 'remove' | 'updates' | 'tell' | 'untell';
export const campaignWords: Record<Route, RouteWords> = {
  list: {
    group,
    summary: 'Campaigns',
    detail:
      'Those that are active or have ended. `q` searches in Portuguese and English, accents do not matter. `ownerId=me` shows your own in every state. `-raisedCents` goes by `page` only. Kept for an hour, and dropped at every change; sums are at most two seconds old.',
    answers: {
      200: {
        says: 'Some of them.',
        shape: pagedShape(itemShape),
      },
    },
  },
  one: {
    group,
    summary: 'One campaign',
    detail: 'By id or slug. Drafts and held ones are there for their owner and for admins only. `ETag` begins with the version.',
    answers: whole('It.'),
  },
  create: {
    group,
    summary: 'Begin a campaign',
    detail:
      'For organizers and admins. It starts as a draft; its slug comes from the title and never changes. The description is HTML and is cleaned.',
    body: exampleCampaign,
    answers: { 201: { says: 'The draft.', shape: wholeShape } },
  },
  change: {
    group,
    summary: 'Change a campaign',
    detail:
      'For its owner and admins. With `If-Match` only where the version is still that one (412 otherwise); gifts do not change the version.',
    headers: {
      'If-Match': { says: 'An `ETag` of the campaign, its version, several of them, or `*` for whichever is there.', example: '*' },
    },
    body: { summary: 'Half of the roof is there.' },
    answers: whole('As it is now.'),
  },
  publish: {
    group,
    summary: 'Publish a campaign',
    detail: `From draft or paused, while \`endsAt\` has not passed. ${STATES}`,
    answers: whole('It is active.'),
  },
  pause: { group, summary: 'Pause a campaign', detail: `From active. ${STATES}`, answers: whole('It is paused.') },
  close: { group, summary: 'End a campaign', detail: `From active or paused, for good. ${STATES}`, answers: whole('It has ended.') },
  hold: {
    group,
    summary: 'Hold a campaign',
    detail: `For admins: nobody but owner and admins sees it, and it takes no gifts. From draft, active or paused. ${STATES}`,
    answers: whole('It is held.'),
  },
  release: {
    group,
    summary: 'Release a campaign',
    detail: 'For admins: back to where it was before it was held. Again is 200, and so it is for one that is not held: it stays as it is.',
    answers: whole('It is not held.'),
  },
  remove: { group, summary: 'Remove a campaign', detail: 'Only without any donation.', answers: { 204: { says: 'It is gone.' } } },
  updates: {
    group,
    summary: 'News of a campaign',
    answers: { 200: { says: 'The newest first.', shape: sliceShape(updateShape) } },
  },
  tell: {
    group,
    summary: 'Tell news of a campaign',
    body: { title: 'The beams are up', body: '<p>Come and see.</p>' },
    answers: { 201: { says: 'They are told.', shape: updateShape } },
  },
  untell: { group, summary: 'Take news back', answers: { 204: { says: 'They are gone.' } } },
};
