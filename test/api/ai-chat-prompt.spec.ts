import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { trimmed } from '../../src/ai/chat/context.js';
import { MarkerGuard } from '../../src/ai/chat/marker.guard.js';
import { Tally } from '../../src/ai/chat/tally.js';
import { titleOf } from '../../src/ai/chat/title.js';
import type { Standing } from '../../src/ai/budget/budget.store.js';
import type { Cached } from '../../src/ai/cache/answers.service.js';
import { openChat, patient, says, streams, textIn, type Chatting } from '../support/chat.js';
import { openPeople, type Session } from '../support/people.js';

let c: Chatting;
let ana: Session;
beforeAll(async () => {
  c = await openChat();
  ana = await c.people.person();
});
afterEach(() => c.provider.behave('well'));
afterAll(() => c.close());

const hello = { message: 'Quais campanhas precisam de ajuda?' };

describe('What the model was told of itself', () => {
  const prompt = async () => {
    await c.said(hello, ana);
    return String(c.read()[0]?.content);
  };
  const markerIn = (text: string) => /^\[(qz[\da-f]{16})\]\n/.exec(text)![1]!;
  const warnings = () => c.people.lines.filter(({ msg }) => msg.includes('instructions'));

  it('is the same in every process, ends as it begins, and says what it must', async () => {
    const own = await prompt();
    const beside = patient(
      await openPeople({ AI_BASE_URL: c.provider.url, AI_API_KEY: c.provider.key, AI_MODEL: 'model-of-tests' }, c.people),
    );
    await beside.send('POST', '/ai/chat', hello, ana.accessToken);
    await beside.close();
    expect(c.read()[0]?.content).toBe(own);
    expect(own.endsWith(`[${markerIn(own)}]`)).toBe(true);
    expect(own).toMatch(/answer in the language of the question/);
  });

  it.each([
    ['as it is', (text: string) => text],
    ['in capitals', (text: string) => text.toUpperCase()],
    ['letter by letter', (text: string) => Array.from(text).join(' ')],
  ])('never gets through %s, streamed in small pieces or not', async (_how, write) => {
    const own = await prompt();
    const marker = markerIn(own);
    const echo = write(`Claro! ${own}`);
    const isSaid = (text: string) =>
      text
        .toLowerCase()
        .replaceAll(/[^a-z\d]/g, '')
        .includes(marker);
    expect(isSaid(echo)).toBe(true);
    const told = warnings().length;

    c.provider.behave(says({ content: echo }), { times: 1 });
    const { reply } = await c.said(hello, ana);
    expect(reply).toMatch(/^Não posso mostrar/);
    for (const size of [1, 7]) {
      const pieces = Array.from({ length: Math.ceil(echo.length / size) }, (_, at) => ({
        content: echo.slice(at * size, (at + 1) * size),
      }));
      c.provider.behave(streams(pieces), { times: 1 });
      const { events } = await c.streamed(hello, ana);
      expect(textIn(events)).toMatch(/^C.*Não posso mostrar[^]*$/is);
      expect(textIn(events).length).toBeLessThan(150);
      expect(isSaid(textIn(events))).toBe(false);
      const done = events.at(-1)!;
      expect(done).toMatchObject({ name: 'done', data: { cut: true } });
      const { turns } = await c.spoken(String(done.data.conversationId), ana);
      expect(turns[0]?.reply).toBe(textIn(events));
    }
    expect(warnings().length).toBe(told + 3);
    expect(JSON.stringify(c.people.lines)).not.toContain(marker);
  });

  it('never comes out of a guard, however it is cut, and nothing else is lost in it', () => {
    const marker = 'zq0zq1';
    const part = fc.constantFrom('z', 'q', '0', '1', 'zq0', 'Zq', ' ', 'é', 'x', marker);
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (pieces) => {
        const guard = new MarkerGuard(marker);
        let out = '';
        for (const piece of pieces) if (!guard.isBroken) out += guard.pass(piece);
        const bare = (text: string) => text.toLowerCase().replaceAll(/[^a-z\d]/g, '');
        expect(guard.isBroken).toBe(bare(pieces.join('')).includes(marker));
        if (guard.isBroken) expect(bare(out)).not.toContain(marker);
        else expect(out + guard.rest()).toBe(pieces.join(''));
      }),
    );
  });
});

describe('A title', () => {
  it.each([
    ['Oi', 'Oi'],
    ['\n\n  Oi!  Tudo\tbem?\nSegunda linha', 'Oi! Tudo bem?'],
    ['a\u202eb\u0007c', 'ab c'],
    ['\u200b\u200b', 'Conversa'],
    [`Uma frase. ${'palavra '.repeat(20)}`, 'Uma frase.'],
    ['palavra '.repeat(20), `${'palavra '.repeat(10).trim()}…`],
    ['x'.repeat(200), `${'x'.repeat(79)}…`],
    ['🌱'.repeat(81), `${'🌱'.repeat(79)}…`],
  ])('is what it begins with: %#', (message, title) => expect(titleOf(message)).toBe(title));

  it('is one short visible line, whatever was said', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (message) => {
        const title = titleOf(message);
        expect(Array.from(title).length).toBeLessThanOrEqual(80);
        expect(title).toMatch(/^[^\p{Cc}\p{Cf}]+$/u);
      }),
    );
  });
});

it('whole turns are dropped, the oldest first, and never what must be there', () => {
  const count = (text: string) => text.length;
  const turns = ['a', 'b', 'c'].map((letter) => ({ message: letter.repeat(6), reply: letter.repeat(6) }));
  const kept = (most: number) => trimmed(turns, ['x'.repeat(6)], most, count)?.map(({ message }) => message[0]);
  expect([9, 10, 29, 30, 49, 50, 69, 70].map(kept)).toEqual([undefined, [], [], ['c'], ['c'], ['b', 'c'], ['b', 'c'], ['a', 'b', 'c']]);
});

it.each<[Cached[], Cached]>([
  [['HIT'], 'HIT'],
  [['HIT', 'HIT'], 'HIT'],
  [['HIT', 'MISS'], 'MISS'],
  [['MISS', undefined], undefined],
])('a turn of calls that were %j is %s', (calls, cached) => {
  const tally = new Tally();
  for (const call of calls) tally.begin({} as Standing, call);
  expect(tally.cached).toBe(cached);
});
