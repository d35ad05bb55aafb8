import { z } from 'zod';
import { sliceShape } from '../../http/lists.js';
import type { RouteWords } from '../../http/says.js';
import { standingShape } from '../ai.words.js';
import { dollarsOf } from '../budget/budget.words.js';
import type { Usage } from '../providers/provider.js';
import type { Conversation, StoredTurn } from './conversations.store.js';

const group = 'AI';

export const usageOf = ({ promptTokens, completionTokens }: Usage, costNanos: number) => ({
  promptTokens,
  completionTokens,
  totalTokens: promptTokens + completionTokens,
  costUsd: dollarsOf(costNanos),
});

export const turnOf = ({ id, message, reply, cached, cut, createdAt, costNanos, ...usage }: StoredTurn) => ({
  ...{ id, message, reply, cached, cut, createdAt },
  usage: usageOf(usage, costNanos),
});

export const wholeOf = ({ turns, ...conversation }: Conversation & { turns: StoredTurn[] }) => ({
  ...conversation,
  turns: turns.map(turnOf),
});

const usageShape = z.object({ promptTokens: z.int(), completionTokens: z.int(), totalTokens: z.int(), costUsd: z.number() });

const repliedShape = z
  .object({ conversationId: z.uuid(), reply: z.string(), cached: z.boolean(), usage: usageShape, budget: standingShape })
  .meta({ id: 'ChatReply' });

const head = { id: z.uuid(), title: z.string(), createdAt: z.iso.datetime(), updatedAt: z.iso.datetime() };

const turnShape = z.object({
  id: z.uuid(),
  message: z.string(),
  reply: z.string(),
  cached: z.boolean(),
  cut: z.boolean(),
  createdAt: z.iso.datetime(),
  usage: usageShape,
});

export const chatWords: Record<'ask' | 'list' | 'one' | 'remove', RouteWords> = {
  ask: {
    group,
    summary: 'Talk about campaigns',
    detail:
      'The model looks up public campaigns by itself. With a `conversationId` of your own it remembers what was said there; without one a conversation begins, which is there once its first reply is. With `stream: true` the answer is `text/event-stream` with the events `delta` (`{text}`), `usage` (the usage with `budget`) and `done` (`{conversationId, turnId, cached, cut}`), or `error` (a problem) where it breaks off. Headers `X-Token-Budget-*` tell how you stand, `X-Cache` whether an equal question was answered before.',
    body: { message: 'Quais campanhas precisam de ajuda?' },
    answers: { 200: { says: 'The reply.', shape: repliedShape, alsoTypes: ['text/event-stream'] } },
  },
  list: {
    group,
    summary: 'Your conversations, the latest first',
    answers: { 200: { says: 'Some of them.', shape: sliceShape(z.object({ ...head, turns: z.int() }).meta({ id: 'Conversation' })) } },
  },
  one: {
    group,
    summary: 'A conversation of yours',
    detail: 'With its last 200 turns in their order; `nextCursor` leads to those before. `cut` tells that a reply did not come to its end.',
    answers: {
      200: {
        says: 'What was said.',
        shape: z.object({ ...head, turns: z.array(turnShape), nextCursor: z.string().nullable() }).meta({ id: 'WholeConversation' }),
      },
    },
  },
  remove: {
    group,
    summary: 'Delete a conversation',
    detail: 'Nothing of it is kept. A reply that is under way in it is not stored any more.',
    answers: { 204: { says: 'It is gone.' } },
  },
};
