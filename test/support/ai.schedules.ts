import fc from 'fast-check';
import type { Manner } from './openai.js';

/** What may be charged for a call, by what the provider's ledger says of it and what was kept back for it. */
export type Due = 'used' | 'at least used' | 'prompt' | 'all' | 'nothing' | 'anything' | { told: number };

/** How the provider treats a call, and when its caller goes. */
export interface Fate {
  how?: Manner[];
  /** After so many pieces; 0: when the provider has the question. */
  leavesAfter?: number;
  /** Whatever has happened by then. */
  leavesInMs?: number;
  /** Before as many it does not answer, which costs nothing. */
  tries?: number;
  due: Due;
}

export interface Ask {
  does: 'ask';
  who: number;
  at: number;
  /** Where it is equal to others: which one it is. */
  equal?: number;
  streamed: boolean;
  body: object;
  fate: Fate;
}

export type Change =
  { does: 'budget'; who: number; at: number; tokens: number | null } | { does: 'grant'; who: number; at: number; tokens: number };
export type Act = Ask | Change;
/** What is done at once, one round after the other. */
export interface Schedule {
  budgets: [number, number];
  rounds: Act[][];
}

/** The model of those that are equal to others. */
export const EQUAL = 'equal';
const MOST = Number.MAX_SAFE_INTEGER;
/** How long an answer is, unless it may not be so long. */
export const WORDS = 60;

const some = (pieces: fc.Arbitrary<string>) => fc.string({ unit: pieces, maxLength: 60 });
const repeated = fc.tuple(fc.constantFrom('漢', '👩‍👩‍👧‍👦', 'ﷺ', '\u0000', '"\\', 'a', 'ção '), fc.integer({ min: 1, max: 60 }));
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  // Halves of signs, too.
  some(fc.nat(0xffff).map((code) => String.fromCharCode(code))),
  repeated.map(([sign, times]) => sign.repeat(times)),
);
const content = fc.oneof(
  text,
  fc.array(text, { maxLength: 3 }).map((all) => all.map((each) => ({ type: 'text', text: each }))),
);
const messages = fc.array(fc.record({ role: fc.constantFrom('user', 'system', 'assistant'), content }), { minLength: 1, maxLength: 3 });
const limit = fc
  .tuple(fc.constantFrom('max_tokens', 'max_completion_tokens'), fc.option(fc.integer({ min: 1, max: 400 })))
  .map(([name, tokens]) => ({ [name]: tokens }));
const tool = text.map((description) => ({ tools: [{ type: 'function', function: { name: 'f', description } }] }));
const body = fc.tuple(messages, limit, fc.option(tool)).map(([said, most, with_]) => ({ messages: said, ...most, ...with_ }));

const tokens = fc.oneof(fc.constantFrom(0, MOST), fc.nat(500));
const lie = fc.tuple(tokens, tokens).map(([prompt_tokens, completion_tokens]): Fate => {
  return { how: [{ usage: { prompt_tokens, completion_tokens } }], due: { told: prompt_tokens + completion_tokens } };
});
const nonsense = fc
  .constantFrom<unknown>(
    null,
    'many',
    [],
    {},
    { prompt_tokens: -1, completion_tokens: 1 },
    { prompt_tokens: '3', completion_tokens: '4' },
    { prompt_tokens: 1.5, completion_tokens: 2 },
    { prompt_tokens: 1e300, completion_tokens: 2 },
    { prompt_tokens: 5 },
  )
  .map((usage): Fate => ({ how: [{ usage }], due: 'at least used' }));
const fixed = (...fates: Fate[]) => fc.constantFrom(...fates);
const after = (most: number, make: (pieces: number) => Fate) => fc.integer({ min: 1, max: most }).map(make);

const either: fc.WeightedArbitrary<Fate>[] = [
  { weight: 8, arbitrary: fixed({ due: 'used' }) },
  { weight: 2, arbitrary: lie },
  { weight: 2, arbitrary: nonsense },
  { weight: 1, arbitrary: fixed({ how: ['no usage'], due: 'at least used' }) },
  { weight: 1, arbitrary: fixed({ how: [{ status: 400 }], due: 'nothing' }) },
  { weight: 1, arbitrary: fixed({ how: [{ status: 503, retryAfter: '0' }], tries: 2, due: 'used' }) },
  {
    weight: 1,
    arbitrary: fixed(
      ...['hang up' as const, 'html' as const, { status: 500, retryAfter: '60' }].map((how): Fate => ({ how: [how], due: 'nothing' })),
    ),
  },
  { weight: 2, arbitrary: fixed({ how: [{ stopAfter: 0 }], leavesAfter: 0, due: 'prompt' }) },
  { weight: 2, arbitrary: fc.nat(30).map((leavesInMs): Fate => ({ how: [{ pieceMs: 1 }], leavesInMs, due: 'anything' })) },
];
const ofStreams: fc.WeightedArbitrary<Fate>[] = [
  ...either,
  { weight: 1, arbitrary: fixed({ how: ['flood'], due: 'all' }) },
  { weight: 1, arbitrary: fixed({ how: ['odd'], due: 'used' }) },
  { weight: 1, arbitrary: fixed({ how: ['no done'], due: 'used' }) },
  { weight: 1, arbitrary: fixed({ how: [{ cutAfter: 0 }], due: 'nothing' }, { how: [{ errorAfter: 0 }], due: 'nothing' }) },
  { weight: 2, arbitrary: after(WORDS, (cutAfter) => ({ how: [{ cutAfter }], due: 'at least used' })) },
  { weight: 2, arbitrary: after(WORDS, (errorAfter) => ({ how: [{ errorAfter }], due: 'at least used' })) },
  { weight: 4, arbitrary: after(WORDS + 2, (pieces) => ({ how: [{ stopAfter: pieces }], leavesAfter: pieces, due: 'at least used' })) },
];

const whose = { who: fc.nat(1), at: fc.nat(1) };
const asks = (streamed: boolean, fates: fc.WeightedArbitrary<Fate>[]): fc.Arbitrary<Ask> =>
  fc.record({ does: fc.constant('ask'), ...whose, streamed: fc.constant(streamed), body, fate: fc.oneof(...fates) });
const equals: fc.Arbitrary<Ask> = fc.record({
  does: fc.constant('ask'),
  ...whose,
  streamed: fc.boolean(),
  equal: fc.nat(1),
  body: fc.constant({}),
  fate: fc.constant<Fate>({ due: 'anything' }),
});
const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ does: fc.constant('budget'), ...whose, tokens: fc.option(fc.nat(3_000)) }),
  fc.record({ does: fc.constant('grant'), ...whose, tokens: fc.integer({ min: 1, max: 800 }) }),
);
const act = fc.oneof(
  { weight: 4, arbitrary: asks(false, either) },
  { weight: 6, arbitrary: asks(true, ofStreams) },
  { weight: 2, arbitrary: equals },
  { weight: 2, arbitrary: changes },
);
const budget = fc.integer({ min: 150, max: 3_000 });

export const schedules: fc.Arbitrary<Schedule> = fc.record({
  budgets: fc.tuple(budget, budget),
  rounds: fc.array(fc.array(act, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
});
