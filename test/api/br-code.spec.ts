import { createRequire } from 'node:module';
import fc from 'fast-check';
import { createStaticPix, hasError, parsePix } from 'pix-utils';
import { describe, expect, it } from 'vitest';
import { brCodeOf, isBrCode } from '../../src/campaigns/payments/br-code.js';
import { qrCodeOf, qrCodeSvg } from '../../src/campaigns/payments/qr.js';
import { centsOf, decimalOf } from '../../src/campaigns/reais.js';

interface Decoder {
  Merchant: { Parser: { toEMVQR: (code: string) => { generatePayload: () => string } } };
}
type Camera = (pixels: Uint8ClampedArray, width: number, height: number) => { data: string } | null;
const load = createRequire(import.meta.url);
const { Merchant } = load('steplix-emv-qrcps') as Decoder;
const read = load('jsqr') as Camera;

/** Its own check takes a code that was tampered with; what it writes of what it has read tells. */
const madeAgain = (code: string) => Merchant.Parser.toEMVQR(code).generatePayload();
const field = (code: string, id: string) => new RegExp(`${id}(\\d\\d)`).exec(code)![1];

const letters = Array.from('0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ');
const aTxid = fc.array(fc.constantFrom(...letters), { minLength: 26, maxLength: 35 }).map((all) => all.join(''));
const anAmount = fc.integer({ min: 1, max: 100_000_000 });
const codeOf = (txid: string, amountCents: number, receiver = 'Mutirão', city = 'São Paulo') =>
  brCodeOf({ location: `pix.sandbox.invalid/v2/${txid}`, receiver, city, amountCents });
const sample = codeOf('a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4', 123_456);

describe('a BR Code is refused', () => {
  it.each([
    ['nothing', ''],
    ['other text', 'https://example.org'],
    ['half of one', sample.slice(0, 80)],
    ['another amount', sample.replace('1234.56', '9234.56')],
    ['another address', sample.replace('sandbox', 'sandbax')],
    ['another checksum', `${sample.slice(0, -4)}0000`],
    ['more behind it', `${sample}00`],
    ['a line end in it', sample.replace('Sao Paulo', 'Sao\nPaulo')],
    ['no end', `000201${'9'.repeat(100_000)}63040000`],
    ['a card scheme', madeAgain(sample.replace('br.gov.bcb.pix', 'br.gov.bcb.xip'))],
    ['dollars', madeAgain(sample.replace('5303986', '5303840'))],
    ['a length that is none', madeAgain(sample).replace('0002', '0x02')],
  ])('where it is %s', (_what, text) => expect(isBrCode(text)).toBe(false));

  it('where one letter changed, wherever it is', () => {
    fc.assert(
      fc.property(fc.nat(sample.length - 1), fc.constantFrom(...letters), (at, letter) => {
        fc.pre(sample[at] !== letter);
        expect(isBrCode(sample.slice(0, at) + letter + sample.slice(at + 1))).toBe(false);
      }),
    );
  });

  it.each([-1, 0.5, NaN, 1e16])('where its amount would be %d', (cents) => expect(() => codeOf('x'.repeat(26), cents)).toThrow(RangeError));

  it('where its address does not fit', () => expect(() => codeOf('x'.repeat(60), 100)).toThrow('field 26'));
});

describe('a BR Code that we make', () => {
  it('is read by others with all that was put into it', () => {
    fc.assert(
      fc.property(aTxid, anAmount, (txid, cents) => {
        const code = codeOf(txid, cents);
        expect(madeAgain(code)).toBe(code);
        expect(isBrCode(code)).toBe(true);
        const pix = parsePix(code);
        if (hasError(pix)) throw new Error(pix.message);
        expect(pix).toMatchObject({
          type: 'DYNAMIC',
          url: `pix.sandbox.invalid/v2/${txid}`,
          merchantName: 'Mutirao',
          merchantCity: 'Sao Paulo',
        });
        expect(code).toContain(`54${String(decimalOf(cents).length).padStart(2, '0')}${decimalOf(cents)}5802BR`);
      }),
    );
  });

  it('is told apart by the other reader as soon as something is changed', () => {
    for (const forged of [sample.replace('1234.56', '9234.56'), sample.replace('sandbox', 'sandbax')])
      expect(madeAgain(forged)).not.toBe(forged);
  });

  it('names its receiver in plain letters, no longer than allowed', () => {
    const code = codeOf('x'.repeat(26), 100, 'Associação 🌱 dos Amigos do Coração de Mãe', 'São José dos Pinhais');
    expect(code).toContain('5925Associacao  dos Amigos do');
    expect(code).toContain('6015Sao Jose dos Pi');
    expect(field(code, '62')).toBe('07');
    expect(isBrCode(code)).toBe(true);
  });
});

it('a static code of somebody else is one, too', () => {
  const made = createStaticPix({ merchantName: 'Ana', merchantCity: 'Recife', pixKey: 'ana@example.org', transactionAmount: 1.5 });
  if (hasError(made)) throw new Error(made.message);
  expect(isBrCode(made.toBRCode())).toBe(true);
});

describe('amounts', () => {
  it.each(['', '1', '1.0', '1.000', '1,00', '-1.00', '+1.00', ' 1.00', '1.00\n', '1e2', '.50', '12345678901.00', '١.٠٠'])(
    '%j is none',
    (text) => expect(centsOf(text)).toBeUndefined(),
  );

  it('come back as they were', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 999_999_999_999 }), (cents) => centsOf(decimalOf(cents)) === cents));
    expect([5, 50, 1234, 100_000_000].map(decimalOf)).toEqual(['0.05', '0.50', '12.34', '1000000.00']);
  });
});

describe('the picture of a code', () => {
  it('is read by a camera', () => {
    fc.assert(
      fc.property(aTxid, anAmount, (txid, cents) => {
        const code = codeOf(txid, cents);
        const { pixels, side } = photograph(qrCodeSvg(code));
        expect(read(pixels, side, side)?.data).toBe(code);
      }),
      { numRuns: 15 },
    );
  });

  it('is the same each time, and small', () => {
    const svg = qrCodeSvg(sample);
    expect(svg).toBe(qrCodeSvg(sample));
    expect(svg.length).toBeLessThan(5_000);
  });

  it('has a white rim of four modules, and the same modules as the one for paper', () => {
    const { size, isDark } = qrCodeOf(sample);
    const { pixels, side } = photograph(qrCodeSvg(sample), 1);
    expect(side).toBe(size + 8);
    for (let y = 0; y < side; y += 1)
      for (let x = 0; x < side; x += 1) {
        const inside = x >= 4 && y >= 4 && x < size + 4 && y < size + 4;
        expect(pixels[(y * side + x) * 4] === 0).toBe(inside && isDark(x - 4, y - 4));
      }
  });

  it('takes what is beyond ASCII, and not what is too much', () => {
    const { pixels, side } = photograph(qrCodeSvg('doação 🌱'));
    expect(read(pixels, side, side)?.data).toBe('doação 🌱');
    expect(() => qrCodeSvg('x'.repeat(3_000))).toThrow();
  });
});

/** Draws the strokes of the picture, `zoom` dots for each module. */
function photograph(svg: string, zoom = 3) {
  const modules = Number(/viewBox="0 0 (\d+) \1"/.exec(svg)![1]);
  const side = modules * zoom;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  const [, startX, startY, strokes = ''] = /<path stroke="#000" d="M(\d+) (\d+)\.5([^"]*)"/.exec(svg)!;
  expect(strokes.replace(/m-?\d+ \d+h\d+/g, '')).toBe('');
  let [x, y] = [Number(startX), Number(startY)];
  for (const [, dx, dy, run] of strokes.matchAll(/m(-?\d+) (\d+)h(\d+)/g)) {
    x += Number(dx);
    y += Number(dy);
    for (let row = y * zoom; row < (y + 1) * zoom; row += 1)
      for (let column = x * zoom; column < (x + Number(run)) * zoom; column += 1)
        pixels.fill(0, (row * side + column) * 4, (row * side + column) * 4 + 3);
    x += Number(run);
  }
  return { pixels, side };
}
