import { z } from 'zod';
import { sliceShape } from '../http/lists.js';
import type { RouteWords } from '../http/says.js';

const group = 'AI';

export const standingShape = z.object({
  day: z.iso.date(),
  timeZone: z.string(),
  limit: z.int(),
  used: z.int(),
  reserved: z.int(),
  remaining: z.int(),
  warning: z.boolean(),
  resetsAt: z.iso.datetime(),
  costUsd: z.number(),
  limitUsd: z.number().nullable(),
});

const usageShape = standingShape
  .extend({
    byDay: z.array(
      z.object({
        day: z.iso.date(),
        model: z.string(),
        calls: z.int(),
        tokens: z.int(),
        costUsd: z.number(),
        hits: z.int(),
        savedTokens: z.int(),
      }),
    ),
  })
  .meta({ id: 'AiUsage' });

const spenderShape = z
  .object({ userId: z.uuid(), name: z.string(), used: z.int(), reserved: z.int(), costUsd: z.number() })
  .meta({ id: 'AiSpender' });

const completionShape = z
  .looseObject({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(z.looseObject({})),
  })
  .meta({ id: 'ChatCompletion' });

const modelShape = z.object({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() }).meta({ id: 'Model' });

const modelsShape = z.object({ object: z.literal('list'), data: z.array(modelShape) }).meta({ id: 'Models' });

const heldGrantShape = z
  .object({
    id: z.uuid(),
    tokens: z.int(),
    reason: z.string(),
    grantedBy: z.uuid(),
    grantedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'AiGrantHeld' });

export const aiWords: Record<
  'complete' | 'models' | 'model' | 'usage' | 'spenders' | 'budget' | 'setBudget' | 'grant' | 'endGrant' | 'purge',
  RouteWords
> = {
  complete: {
    group,
    summary: 'Ask a model',
    detail:
      'As OpenAI has it, so that its clients work unchanged: base URL `/v1`, as key an access token or an API key with the scope `ai`. The worst that a call may cost is kept back from the budget of the day before anybody is asked, and what it did cost is charged afterwards; headers `X-Token-Budget-*` tell how you stand. With `stream: true` the answer comes as `text/event-stream`. Errors have the shape of OpenAI.',
    body: { messages: [{ role: 'user', content: 'Quais campanhas precisam de ajuda?' }] },
    answers: { 200: { says: 'The answer.', shape: completionShape, alsoTypes: ['text/event-stream'] } },
  },
  models: { group, summary: 'The models that may be asked for', answers: { 200: { says: 'All of them.', shape: modelsShape } } },
  model: { group, summary: 'One model that may be asked for', answers: { 200: { says: 'It may.', shape: modelShape } } },
  usage: {
    group,
    summary: 'Your budget of today, and what you used before',
    detail: '`used` does not hold what is `reserved` for calls under way. `byDay` tells of the last thirty days in `timeZone`, by model.',
    answers: { 200: { says: 'How you stand.', shape: usageShape } },
  },
  spenders: { group, summary: 'Who used most today', answers: { 200: { says: 'The first ones first.', shape: sliceShape(spenderShape) } } },
  budget: {
    group,
    summary: 'How somebody stands, and what he was granted',
    answers: {
      200: {
        says: 'His budget of today, and the grants that hold now.',
        shape: standingShape.extend({ userId: z.uuid(), grants: z.array(heldGrantShape) }).meta({ id: 'AiBudgetAndGrants' }),
      },
    },
  },
  endGrant: { group, summary: 'End a grant before its time', answers: { 204: { says: 'It holds no more.' } } },
  setBudget: {
    group,
    summary: 'Give somebody a budget of his own',
    detail: 'It holds from his next call on, every day. `null`: the one of his plan again. What is left out stays as it is.',
    body: { dailyTokens: 100_000, dailyUsd: 1.5 },
    answers: { 200: { says: 'How he stands now.', shape: standingShape.extend({ userId: z.uuid() }).meta({ id: 'AiBudget' }) } },
  },
  purge: {
    group,
    summary: 'Forget all answers that are kept',
    detail: 'Holds in every process within two seconds.',
    answers: { 200: { says: 'They are forgotten.', shape: z.object({ purgedAt: z.iso.datetime() }).meta({ id: 'AiCachePurged' }) } },
  },
  grant: {
    group,
    summary: 'Grant somebody more tokens for a while',
    detail: 'They are added to the budget of each day until they expire.',
    body: { tokens: 20_000, reason: 'Relatório anual', expiresAt: '2030-12-31T23:59:59Z' },
    answers: {
      201: {
        says: 'It is granted.',
        shape: z
          .object({ id: z.uuid(), userId: z.uuid(), tokens: z.int(), reason: z.string(), expiresAt: z.iso.datetime() })
          .meta({ id: 'AiGranted' }),
      },
    },
  },
};
