import read from 'jsqr';

// Node takes Windows-1252 for Latin-1: https://github.com/nodejs/node/issues/56542
const ABOVE_ASCII = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';
const windowsText = (bytes: Buffer): string =>
  bytes.toString('latin1').replaceAll(/[\x80-\x9f]/g, (letter) => ABOVE_ASCII.charAt(letter.charCodeAt(0) - 0x80));

/** The lines of text that are drawn, from top to bottom. */
export function linesOf(pdf: Buffer): string[] {
  return [...pdf.toString('latin1').matchAll(/^\[(.*)\] TJ$/gm)].map(([, parts = '']) =>
    [...parts.matchAll(/<([\da-f]*)>/g)].map(([, hex = '']) => windowsText(Buffer.from(hex, 'hex'))).join(''),
  );
}

const WIDTH = 595;
const HEIGHT = 842;

/** What a camera reads in the rectangles that are drawn. */
export function codeOf(pdf: Buffer): string | undefined {
  const picture = new Uint8ClampedArray(WIDTH * HEIGHT * 4).fill(255);
  for (const [, ...edges] of pdf.toString('latin1').matchAll(/^([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re$/gm)) {
    const [x = 0, y = 0, width = 0, height = 0] = edges.map((edge) => Math.round(Number(edge)));
    for (let row = y; row < y + height; row += 1) {
      const from = row * WIDTH + x;
      for (let at = from; at < from + width; at += 1) picture.fill(0, at * 4, at * 4 + 3);
    }
  }
  return read.default(picture, WIDTH, HEIGHT)?.data;
}
