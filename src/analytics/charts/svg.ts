import type { Column } from '../engine/messages.js';
import type { Plan, Row } from './chart.js';

const WIDTH = 720;
const LINE_HEIGHT = 320;
const BAR = 22;
const TOP = 44;
const BOTTOM = 40;
const MARGIN = 16;
/** A letter, as far as it can be known beforehand: the font is that of whoever looks. */
const LETTER = 7.4;
const RIGHT = 24;
const LONGEST = 32;
const LONGEST_TITLE = 95;
const COLOURS = ['#2563eb', '#d97706', '#059669', '#dc2626', '#7c3aed', '#0891b2', '#65a30d', '#db2777'];
const UNPRINTABLE = /[\p{Cc}\p{Cs}\ufffe\uffff]/gu;

const safe = (text: string) =>
  text.replaceAll(UNPRINTABLE, '').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const short = (text: string, most = LONGEST) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const told = (value: number, unit: string) =>
  `${unit === '' ? '' : `${unit} `}${value.toLocaleString('pt-BR', { maximumFractionDigits: 2, minimumFractionDigits: unit === '' ? 0 : 2 })}`;
const at = (value: number) => value.toFixed(1);
const label = (x: number, y: number, text: string, anchor: 'start' | 'middle' | 'end') =>
  `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}">${safe(text)}</text>`;

const widest = (texts: readonly string[]) => Math.max(0, ...texts.map((text) => text.length)) * LETTER;

const MOST_STATED = 12;

/** Where there is nothing to compare: what the one row says, or that there is none. */
export function stated(columns: readonly Column[], rows: readonly Row[], title: string): string {
  const [row, ...more] = rows;
  const told = row && more.length === 0 ? columns.slice(0, MOST_STATED).map(({ name }) => `${name}: ${String(row[name] ?? '–')}`) : [];
  const said = told.length > 0 ? told : [rows.length === 0 ? '–' : `${rows.length} × ${columns.length}`];
  const height = TOP + said.length * BAR + BOTTOM;
  return framed(
    height,
    title,
    said.map((text, index) => label(16, TOP + 12 + index * BAR, short(text, LONGEST_TITLE), 'start')),
  );
}

/** A picture that needs nothing from elsewhere and runs nothing. */
export function drawn(plan: Plan, title: string): string {
  const names = [...new Set(plan.points.map(({ series }) => series))];
  const height = plan.kind === 'line' ? LINE_HEIGHT : TOP + plan.points.length * BAR + BOTTOM;
  const body = plan.kind === 'line' ? lines(plan, names) : bars(plan, names);
  const legend =
    plan.series === undefined
      ? []
      : names.map(
          (name, index) =>
            `<tspan dx="${index === 0 ? 0 : MARGIN}" fill="${colourOf(index)}">■</tspan><tspan dx="4">${safe(short(name))}</tspan>`,
        );
  const left = plan.of === undefined ? [] : [label(WIDTH - RIGHT, 22, plan.of, 'end')];
  return framed(height, title, [
    ...left,
    ...body,
    ...(legend.length > 0 ? [`<text x="16" y="${height - 8}">${legend.join('')}</text>`] : []),
  ]);
}

const framed = (height: number, title: string, parts: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="#1f2937">`,
    `<title>${safe(title)}</title><rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="16" y="22" font-size="14" font-weight="600">${safe(short(title, LONGEST_TITLE))}</text>`,
    ...parts,
    '</svg>',
  ].join('');

const colourOf = (index: number) => COLOURS[index % COLOURS.length] ?? '#000000';

/** From zero, or from below it where something is. */
function rangeOf(values: readonly number[]) {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  return { low, high: low + (high - low || 1) };
}

const STEPS = [1, 2, 2.5, 5, 10];
const MOST_STEPS = 5;

/** Values that people would choose, from one below the lowest to one above the highest. */
function ticksOf({ low, high }: { low: number; high: number }): number[] {
  const least = (high - low) / (MOST_STEPS - 1);
  const ten = 10 ** Math.floor(Math.log10(least));
  const step = ten * (STEPS.find((some) => some * ten >= least) ?? 10);
  const from = Math.floor(low / step);
  return Array.from({ length: Math.ceil(high / step) - from + 1 }, (_, n) => (from + n) * step);
}

const placing = (low: number, high: number, from: number, to: number) => (value: number) =>
  from + ((value - low) / (high - low)) * (to - from);

function bars({ points, unit }: Plan, names: readonly string[]): string[] {
  const { low, high } = rangeOf(points.map(({ y }) => y));
  const left = MARGIN + widest(points.map(({ x }) => short(x))) + 8;
  const right = WIDTH - RIGHT - widest(points.map(({ y }) => told(y, unit)));
  const place = placing(low, high, left, right);
  return points.map(({ x, y, series }, index) => {
    const top = TOP + index * BAR;
    const [from, to] = [place(Math.min(0, y)), place(Math.max(0, y))];
    const bar = `<rect x="${at(from)}" y="${top}" width="${at(Math.max(0, to - from))}" height="${BAR - 6}" fill="${colourOf(names.indexOf(series))}"/>`;
    return label(left - 8, top + 12, short(x), 'end') + bar + label(to + 6, top + 12, told(y, unit), 'start');
  });
}

function lines({ points, unit }: Plan, names: readonly string[]): string[] {
  const places = [...new Set(points.map(({ x }) => x))].sort();
  const moments = places.map((place) => Date.parse(place));
  const [first, last] = [moments[0] ?? 0, moments.at(-1) ?? 0];
  const ticks = ticksOf(rangeOf(points.map(({ y }) => y)));
  const left = MARGIN + widest(ticks.map((value) => told(value, unit))) + 6;
  const along = (x: string) => left + ((Date.parse(x) - first) / (last - first || 1)) * (WIDTH - left - RIGHT);
  const place = placing(ticks[0] ?? 0, ticks.at(-1) ?? 1, LINE_HEIGHT - BOTTOM - 16, TOP);
  const grid = ticks.map((value) => {
    const y = place(value);
    return `<line x1="${at(left)}" x2="${WIDTH - RIGHT}" y1="${at(y)}" y2="${at(y)}" stroke="#e5e7eb"/>${label(left - 6, y + 4, told(value, unit), 'end')}`;
  });
  const curves = names.map((name, index) => {
    const own = points.filter(({ series }) => series === name);
    const path = own.map(({ x, y }) => `${at(along(x))},${at(place(y))}`).join(' ');
    const dots =
      own.length <= 60
        ? own.map(({ x, y }) => `<circle cx="${at(along(x))}" cy="${at(place(y))}" r="2.5" fill="${colourOf(index)}"/>`)
        : [];
    return `<polyline points="${path}" fill="none" stroke="${colourOf(index)}" stroke-width="2"/>${dots.join('')}`;
  });
  const ends = [places[0], places.at(-1)].map((day, index) =>
    label(index === 0 ? left : WIDTH - RIGHT, LINE_HEIGHT - BOTTOM + 4, day ?? '', index === 0 ? 'start' : 'end'),
  );
  return [...grid, ...curves, ...ends];
}
