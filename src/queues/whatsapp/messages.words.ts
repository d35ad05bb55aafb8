import { pagedShape } from '../../http/lists.js';
import type { RouteWords } from '../../http/says.js';
import { acceptedShape, messageItemShape, messageShape } from './messages.dto.js';
import type { Caller } from '../../http/caller.js';
import type { MessageView, Place } from './messages.store.js';
import { GONE, statusOf } from './states.js';

const group = 'WhatsApp';
const id = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';
const accepted = { id, status: 'queued', position: 3, etaSeconds: 1 };

const item = {
  id,
  status: 'delivered',
  to: '+5511987654321',
  text: null,
  template: { name: 'obrigado', language: 'pt_BR', parameters: ['Ana'] },
  campaignId: null,
  broadcastId: null,
  senderId: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c',
  dedupeKey: 'thanks-17',
  error: null,
  createdAt: '2026-11-29T12:00:00.000Z',
  sendAt: '2026-11-29T12:00:00.000Z',
  sentAt: '2026-11-29T12:00:01.000Z',
};
const told = [
  { status: 'sent', at: '2026-11-29T12:00:01.000Z' },
  { status: 'delivered', at: '2026-11-29T12:00:03.000Z' },
];

export const messageWords: Record<'send' | 'one' | 'list' | 'resolve', RouteWords> = {
  send: {
    group,
    summary: 'Send a message',
    detail:
      'To a telephone in E.164, a text or a template. It is sent once, at the pace that all messages keep; `position` counts those before it, from 0. Who has opted out is not written to: `suppressed`. A `dedupeKey` that you have used before gives the first message again, with 200.',
    body: { to: '+5511987654321', template: { name: 'obrigado', language: 'pt_BR', parameters: ['Ana'] }, dedupeKey: 'thanks-17' },
    answers: {
      202: { says: 'It will be sent.', shape: acceptedShape, example: accepted },
      200: {
        says: 'This key was used before: the first message.',
        shape: acceptedShape,
        example: { ...accepted, status: 'sent', position: null, etaSeconds: null },
      },
    },
  },
  one: {
    group,
    summary: 'Read a message',
    detail: 'One’s own, or for admins any. `told` is what the provider told of it.',
    answers: { 200: { says: 'As it stands.', shape: messageShape, example: { ...item, position: null, etaSeconds: null, told } } },
  },
  list: {
    group,
    summary: 'List messages',
    detail:
      'The newest first; one’s own, for admins all. `status=unknown`, `status=failed` and `status=stuck` (refused once and still waiting, or due for an hour) are those that want somebody’s look: `error` says why and what to do. To whom a message of a broadcast went only admins see.',
    answers: {
      200: {
        says: 'Those that fit.',
        shape: pagedShape(messageItemShape),
        example: { items: [item], nextCursor: null, total: 1, page: 1, limit: 20 },
      },
    },
  },
  resolve: {
    group,
    summary: 'Settle an unknown message',
    detail:
      'For admins: where its process ended in the middle of sending, nobody knows whether it was sent, so that it is never sent again by itself. `sent` leaves it so; `resend` sends it once more, and may be the second time. 409 for any that is not `unknown`.',
    body: { outcome: 'sent' },
    answers: {
      200: {
        says: 'It is settled.',
        shape: messageShape,
        example: { ...item, status: 'sent', position: null, etaSeconds: null, told: [] },
      },
    },
  },
};

const GOES_ON = 'Nothing: it is tried again by itself.';

/** Of a broadcast nobody but an admin is told to whom each went and how he is called: some gave without their name. */
export const itemOf = ({ phone, state, code, why, advice, template, ...rest }: MessageView, role: Caller['role']) => {
  const isHidden = rest.broadcastId !== null && role !== 'admin';
  const status = statusOf(state);
  return {
    ...rest,
    status,
    to: isHidden || phone.startsWith(GONE) ? null : phone,
    template: isHidden && template ? { name: template.name, language: template.language } : template,
    error: why === null ? null : { code, reason: why, advice: advice ?? (status === 'queued' ? GOES_ON : null) },
  };
};

/** Seconds to its turn, where all goes on as it does. */
export const placeOf = (place: Place | undefined) => ({
  position: place?.ahead ?? null,
  etaSeconds: !place || place.isStopped ? null : Math.round(place.waitSeconds),
});
