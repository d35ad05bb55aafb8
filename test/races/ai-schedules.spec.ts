import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { carryOut, openAiSite, settleDown, type AiSite } from '../support/ai.asking.js';
import { booksAtRest, judge } from '../support/ai.judge.js';
import { schedules } from '../support/ai.schedules.js';
import { farOr } from '../support/drills.js';

let all: AiSite;
beforeAll(async () => {
  all = await openAiSite();
});
afterAll(() => all.close());

it(
  'whatever two people do at once over two processes, and whatever the provider says, no step passes a limit and each token used is paid',
  async () => {
    const statuses: (number | undefined)[] = [];
    const property = fc.asyncProperty(schedules, async (schedule) => {
      await settleDown(all);
      const { askers, heard } = await carryOut(all, schedule);
      const books = await booksAtRest(all, askers);
      judge(books, heard, all.provider.ledger);
      for (const [who, { token }] of askers.entries()) {
        const shown = (await all.site.send(who, 'GET', '/ai/usage', { token }))?.json as {
          used: number;
          reserved: number;
          byDay: { model: string; tokens: number }[];
        };
        const own = books.calls.filter(({ user_id }) => user_id === askers[who]!.id);
        expect([shown.used, shown.reserved]).toEqual([own.reduce((sum, { spent }) => sum + spent, 0), 0]);
        expect(shown.byDay.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(shown.used);
      }
      statuses.push(...heard.map(({ status }) => status));
    });
    await fc.assert(property, {
      numRuns: farOr(600, 15),
      interruptAfterTimeLimit: farOr(600_000, 12_000),
      endOnFailure: farOr(false, true),
    });
    expect(statuses).toContain(200);
  },
  farOr(1_200_000, 60_000),
);
