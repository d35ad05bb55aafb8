import qrcode from 'qrcode';

export interface QrCode {
  /** Modules per side, without the quiet zone. */
  size: number;
  isDark: (x: number, y: number) => boolean;
}

/** As wide as the standard asks. */
export const QUIET = 4;

// A fixed mask and bytes alone: the search for the best ones takes most of the time and wins nothing that a camera would notice.
const options = { errorCorrectionLevel: 'M', maskPattern: 2 } as const;

const modulesOf = (text: string) => qrcode.create([{ mode: 'byte', data: Buffer.from(text) }], options).modules;

export function qrCodeOf(text: string): QrCode {
  const modules = modulesOf(text);
  return { size: modules.size, isDark: (x, y) => modules.get(y, x) === 1 };
}

/** The largest code has 177 modules a side. Numbers are written once, as writing them took most of a picture's time. */
const strokes = Array.from({ length: 178 }, (_, length) => `h${length}`);
const gaps = Array.from({ length: 178 }, (_, width) => `m${width} 0`);

/** One line through all dark modules, in strokes from left to right. */
export function qrCodeSvg(text: string): string {
  const { size, data } = modulesOf(text);
  let path = '';
  let [penX, penY] = [0, 0];
  for (let y = 0; y < size; y += 1)
    for (let x = 0; x < size; x += 1) {
      if (data[y * size + x] === 0) continue;
      const from = x;
      while (x < size && data[y * size + x] === 1) x += 1;
      path += (y === penY ? gaps[from - penX]! : `m${from - penX} ${y - penY}`) + strokes[x - from]!;
      [penX, penY] = [x, y];
    }
  const side = size + 2 * QUIET;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges">` +
    `<path fill="#fff" d="M0 0h${side}v${side}H0z"/><path stroke="#000" d="M${QUIET} ${QUIET}.5${path}"/></svg>`
  );
}
