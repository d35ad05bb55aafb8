import { pagedShape } from '../../../http/lists.js';
import type { RouteWords } from '../../../http/says.js';
import { z } from 'zod';
import { broadcastAnswerShape, broadcastItemShape, planShape, previewAnswerShape, reportShape } from './broadcasts.dto.js';

const group = 'WhatsApp';
const id = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';
const campaignId = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c';
const template = { name: 'campaign_news', language: 'pt_BR', parameters: ['{name}', 'Um telhado novo', 'As telhas chegaram!'] };
const audience = { kind: 'supporters', minCents: 5_000 };
const startsAt = '2026-11-29T12:00:00.500Z';
const endsAt = '2026-11-29T12:00:30.450Z';
const body = { campaignId, template, audience };

const plan = {
  ...{ recipients: 603, optedOut: 2, invalid: 1, willGo: 600, startsAt, endsAt, perSecond: 20 },
  days: [{ day: '2026-11-29', messages: 600 }],
  waitsFor: [],
};
const counts = {
  ...{ total: 603, optedOut: 2, invalid: 1, queued: 200, sending: 1, sent: 49 },
  ...{ delivered: 250, read: 98, failed: 1, suppressed: 1, unknown: 0 },
};
const item = {
  ...{ id, status: 'running', campaignId, senderId: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5d' },
  ...{ template, audience, counts, plan, createdAt: '2026-11-29T12:00:00.000Z', startedAt: startsAt, pausedAt: null, endedAt: null },
};
const running = { ...item, endsAt };
const paused = { ...item, status: 'paused', pausedAt: '2026-11-29T12:00:20.000Z', endsAt: null };
const cancelled = {
  ...item,
  status: 'cancelled',
  counts: { ...counts, queued: 0, suppressed: 201 },
  ...{ endedAt: '2026-11-29T12:00:20.000Z', endsAt: null },
};
const reasons = [{ status: 'failed', code: 131026, reason: 'Message undeliverable', messages: 1 }];

const moved = (summary: string, detail: string, example: object): RouteWords => ({
  group,
  summary,
  detail: `${detail} Again is no fault; 409 where there is no way to it from its state.`,
  answers: { 200: { says: 'As it stands now.', shape: broadcastAnswerShape, example } },
});

type Route = 'send' | 'list' | 'one' | 'pause' | 'resume' | 'cancel' | 'plan' | 'preview' | 'events' | 'report' | 'table';

export const broadcastWords: Record<Route, RouteWords> = {
  send: {
    group,
    summary: 'Write to all supporters',
    detail:
      'Of one’s own campaign, for admins of any: whoever gave to it, together at least `minCents`, the last time at `since` or later, and consented to messages. Each telephone gets it once. `{name}` in a parameter becomes the first name of whoever gets it. `total` of the counts is the sum of all others; `optedOut` and `invalid` get no message. With a `dedupeKey` that you have used before it is the first one, with 200: send one, and a repeated order writes to nobody twice.',
    body,
    answers: {
      201: { says: 'It is being prepared.', shape: broadcastAnswerShape, example: { ...running, status: 'preparing' } },
      200: { says: 'This key was used before: the first one.', shape: broadcastAnswerShape, example: running },
    },
  },
  list: {
    group,
    summary: 'List broadcasts',
    detail: 'The newest first: of a campaign of one’s own, or those that one made; for admins all.',
    answers: {
      200: {
        says: 'Some of them.',
        shape: pagedShape(broadcastItemShape),
        example: { items: [item], nextCursor: null, total: 1, page: 1, limit: 20 },
      },
    },
  },
  one: {
    group,
    summary: 'Read a broadcast',
    detail: '`counts` is its progress; `endsAt` is when it will have ended as it looks now, `plan` what was foreseen when it was made.',
    answers: { 200: { says: 'As it stands.', shape: broadcastAnswerShape, example: running } },
  },
  pause: moved('Pause a broadcast', 'What was not begun waits until it is resumed.', paused),
  resume: moved(
    'Resume a broadcast',
    'It goes on where it stood, behind what came into the line meanwhile; 409 `campaign_state` while its campaign is held, or whoever made it may not sign in.',
    running,
  ),
  cancel: moved('Cancel a broadcast', 'What was not begun is never sent: `suppressed`.', cancelled),
  plan: {
    group,
    summary: 'Plan a broadcast',
    detail:
      'What it would come to; nothing is written. `waitsFor` names what holds it up: what is `ahead` in the line, the `tier` of the account, `quiet_hours`. While the whole line is `paused` nobody knows when it goes: its times are null.',
    body,
    answers: { 200: { says: 'The flight plan.', shape: planShape, example: plan } },
  },
  preview: {
    group,
    summary: 'Preview a broadcast',
    detail: 'As one supporter would read it. `text` is null where the template is not known here.',
    body: { template },
    answers: {
      200: {
        says: 'With its parameters filled in.',
        shape: previewAnswerShape,
        example: {
          name: 'Ana',
          parameters: ['Ana', ...template.parameters.slice(1)],
          text: 'Olá, Ana! Novidade da campanha Um telhado novo: As telhas chegaram!',
        },
      },
    },
  },
  events: {
    group,
    summary: 'Watch a broadcast',
    detail:
      'Server-sent events: `progress` with its counts, at most once a second and only where something changed; then `done` or `cancelled`, and the stream ends. It also ends after 15 minutes, or when its process stops: come again with `Last-Event-ID`.',
    headers: { 'last-event-id': { says: 'Of the last event you had: what has not changed since is not told again.' } },
    answers: { 200: { says: 'Events as they come.', shape: z.string(), type: 'text/event-stream' } },
  },
  report: {
    group,
    summary: 'Report on a broadcast',
    detail:
      '`deliveryRate` is the share that arrived of those that were sent or failed, `readRate` the share that was read of those that arrived.',
    answers: {
      200: {
        says: 'What became of it.',
        shape: reportShape,
        example: { id, status: 'running', counts, reasons, deliveryRate: 0.8744, readRate: 0.2816, durationSeconds: null },
      },
    },
  },
  table: {
    group,
    summary: 'Report on a broadcast, as a table',
    detail: 'A row for each outcome, then one for each reason.',
    answers: { 200: { says: 'CSV in UTF-8.', shape: z.string(), type: 'text/csv' } },
  },
};
