import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventsOf, SseParser, TooLong } from '../../src/ai/providers/sse.js';

describe('a stream of events', () => {
  const parse = (chunks: Uint8Array[], most = 1_000_000) => {
    const parser = new SseParser(most);
    return [...chunks.flatMap((chunk) => parser.push(chunk)), ...parser.end()];
  };

  it.each<[string, string, string[]]>([
    ['nothing', '', []],
    ['an event', 'data: a\n\n', ['a']],
    ['one without a blank', 'data:a\n\n', ['a']],
    ['one with two blanks', 'data:  a\n\n', [' a']],
    ['one of several lines', 'data: a\ndata\ndata: b\n\n', ['a\n\nb']],
    ['every end of a line', 'data: a\r\rdata: b\r\n\r\ndata: c\n\r', ['a', 'b', 'c']],
    ['comments and other fields', ': data: x\nevent: e\nid: 1\ndatax: y\n data: z\ndata: a\n\n', ['a']],
    ['a mark of byte order', '\uFEFFdata: a\n\n\uFEFFdata: b\n\n', ['a']],
    ['empty data', 'data:\n\n', ['']],
    ['events without data', 'event: x\n\n\n\n', []],
    ['no end', 'data: a\n\ndata: b', ['a', 'b']],
    ['separators that are none', 'data: a\u2028b\u0085c\n\n', ['a\u2028b\u0085c']],
  ])('%s', (_what, text, events) => {
    expect(parse([Buffer.from(text)])).toEqual(events);
  });

  it('is the same, wherever its bytes are split', () => {
    const word = fc.constantFrom(
      'data: ',
      'data:',
      'data',
      ': c',
      'event: x',
      '\r',
      '\n',
      '\r\n',
      '\n\n',
      'é',
      '🌱',
      '\uFEFF',
      'a',
      '{"b":1}',
    );
    const bytes = fc.array(word, { maxLength: 30 }).map((words) => Buffer.from(words.join('')));
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(200)), (whole, cuts) => {
        const at = [...new Set([0, ...cuts.filter((cut) => cut < whole.length), whole.length])].sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, index) => whole.subarray(at[index], end));
        expect(parse(chunks)).toEqual(parse([whole]));
        expect(parse(Array.from(whole, (byte) => Buffer.from([byte])))).toEqual(parse([whole]));
      }),
    );
  });

  it('has no event of more bytes than are wanted, and keeps none', () => {
    const slice = Buffer.from('é'.repeat(50));
    for (const begin of ['data: ', ': ', '']) {
      const parser = new SseParser(1_000);
      parser.push(Buffer.from(begin));
      expect(() => Array.from({ length: 11 }, () => parser.push(slice))).toThrow(TooLong);
    }
    const lines = new SseParser(1_000);
    expect(() => Array.from({ length: 20 }, () => lines.push(Buffer.from(`data: ${'x'.repeat(90)}\n`)))).toThrow(TooLong);
    const comments = Array.from({ length: 100 }, () => Buffer.from(`: ${'x'.repeat(90)}\n`));
    expect(parse([...comments, Buffer.from(`data: ${'x'.repeat(900)}\n\n`)], 1_000)).toEqual(['x'.repeat(900)]);
  });

  it('is given one chunk after the other', async () => {
    let taken = 0;
    async function* chunks() {
      for (;;) yield Buffer.from(`data: ${(taken += 1)}\n\n`);
    }
    const events = eventsOf(chunks(), 100);
    for (let n = 1; n <= 5; n += 1) {
      expect(await events.next()).toEqual({ done: false, value: String(n) });
      expect(taken).toBe(n);
    }
  });
});
