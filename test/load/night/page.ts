import type { Judged } from './judge.js';
import { kinds } from './mix.js';

const WIDTH = 720;
const HEIGHT = 180;
const EDGE = 44;

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const cells = (tag: 'td' | 'th', row: readonly (string | number)[]) =>
  row.map((cell) => `<${tag}>${escaped(String(cell))}</${tag}>`).join('');
const tableOf = (head: readonly string[], rows: readonly (readonly (string | number)[])[]) =>
  `<table><tr>${cells('th', head)}</tr>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('')}</table>`;

/** One line over the seconds of a night, with the axis that it is read by. */
function chart(title: string, values: readonly number[], unit: string): string {
  const most = Math.max(1, ...values);
  const x = (at: number) => EDGE + (at / Math.max(1, values.length - 1)) * (WIDTH - EDGE - 8);
  const y = (value: number) => HEIGHT - 20 - (value / most) * (HEIGHT - 40);
  const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const marks = [0, most / 2, most].map(
    (value) =>
      `<line x1="${EDGE}" x2="${WIDTH - 8}" y1="${y(value)}" y2="${y(value)}" class="mark"/><text x="${EDGE - 6}" y="${y(value) + 4}" text-anchor="end">${Math.round(value)}</text>`,
  );
  return `<figure><figcaption>${escaped(title)} (${unit}, by second)</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">${marks.join('')}<polyline points="${points}"/><text x="${EDGE}" y="${HEIGHT - 4}">0 s</text><text x="${WIDTH - 8}" y="${HEIGHT - 4}" text-anchor="end">${values.length} s</text></svg></figure>`;
}

const oneOf = ({ name, figures, night, cpuMsPerThousand }: Judged): string => `<section><h2>${escaped(name)}</h2>
${tableOf(
  ['what', 'measured', 'promise', ''],
  figures.map(({ what, measured, promise, met }) => [what, measured, promise, met ? 'met' : 'MISSED']),
)}
${tableOf(
  ['kind', 'answers', 'mean', 'P50', 'P95', 'P99', 'most'],
  kinds.map((kind) => [
    kind,
    night.kinds[kind].requests,
    night.kinds[kind].mean,
    night.kinds[kind].p50,
    night.kinds[kind].p95,
    night.kinds[kind].p99,
    night.kinds[kind].most,
  ]),
)}
${chart(
  'Answers',
  night.bySecond.map(({ requests }) => requests),
  'per second',
)}${chart(
  'P95 from the moment a request was due',
  night.bySecond.map(({ p95 }) => p95),
  'ms',
)}${chart(
  'Errors',
  night.bySecond.map(({ failed }) => failed),
  'per second',
)}
<p>Asking itself took ${(night.ownCpu * 100).toFixed(0)} % of a core${cpuMsPerThousand?.all === undefined ? '' : `, the system ${cpuMsPerThousand.all.toFixed(0)} ms of CPU per 1,000 requests`}.</p></section>`;

/** All of it on one page that needs nothing else. */
export const pageOf = (all: readonly Judged[]): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A viral night</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 780px; margin: 2rem auto; padding: 0 1rem; color: #1b2430; background: #fff; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: 13px; } th, td { text-align: left; padding: 4px 8px; border-bottom: 1px solid #d9dee5; }
figure { margin: 1rem 0; } svg { width: 100%; } polyline { fill: none; stroke: #0b6e4f; stroke-width: 2; } .mark { stroke: #e3e7ec; } text { font-size: 11px; fill: #5b6673; }
</style>
<h1>A viral night</h1>
<p>45 % lists, 35 % campaigns, 10 % own pages, 7 % gifts that are confirmed, 2 % AI, 1 % sign-ins. Times run from the moment at which a request was due.</p>
${all.map(oneOf).join('\n')}
</html>
`;
