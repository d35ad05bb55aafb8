import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { table } from '../figures.js';
import { judge, type Judged } from './judge.js';
import { GIFT_CENTS } from './mix.js';
import { pageOf } from './page.js';
import { knownSite, startSite, type Site } from './site.js';
import { spend, type Crowd, type Night } from './users.js';

const FOLDER = 'load-results';
const PAID_WITHIN_MS = 60_000;
/** What is there twice comes after what is there once. */
const TWICE_WITHIN_MS = 3_000;
const MEMORY_EVERY_MS = 2_000;
const BAR = 30;

const options = {
  users: { type: 'string' },
  arrivals: { type: 'string' },
  url: { type: 'string' },
  seconds: { type: 'string', default: '60' },
  ramp: { type: 'string', default: '30' },
  think: { type: 'string' },
  seed: { type: 'string', default: '1' },
} as const;

/** Of nothing that was asked for here. */
export class Misunderstood extends Error {}

function wishes(args: string[]) {
  try {
    return parseArgs({ args, options }).values;
  } catch (fault) {
    throw new Misunderstood(fault instanceof Error ? fault.message : String(fault));
  }
}

/** A night on which a campaign goes viral: `--users 100,500,1000`, `--arrivals 1000`; see docs/performance.md. */
export async function night(args: string[]): Promise<boolean> {
  const values = wishes(args);
  const counts = (given?: string) => (given === undefined ? [] : given.split(',').map(some));
  const [users, arrivals] = [counts(values.users), counts(values.arrivals)];
  const common = { seconds: some(values.seconds), rampSeconds: whole(values.ramp), seed: whole(values.seed) };
  // Ten thousand ask as often as a thousand who think for a second would in three.
  const thinkMs = (many: number) => (values.think === undefined ? (many >= 10_000 ? 30_000 : 1_000) : some(values.think));
  const crowds: Crowd[] = [
    ...users.map((many) => ({ ...common, users: many, thinkMs: thinkMs(many), rampSeconds: Math.max(common.rampSeconds, many / 500) })),
    ...arrivals.map((many) => ({ ...common, arrivals: many, thinkMs: 0 })),
  ];
  if (crowds.length === 0) throw new Misunderstood('nobody asks: --users or --arrivals say how many');
  if (values.url !== undefined && !isOrigin(values.url))
    throw new Misunderstood(`${values.url} is not like https://host or http://host:port`);
  const most = Math.max(...users, ...arrivals);
  const starting = values.url === undefined ? startSite(most) : knownSite(values.url, most);
  // What was begun is ended, too.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void starting.then((site) => site.close()).finally(() => process.exit(1)));
  const site = await starting;
  const all: Judged[] = [];
  try {
    for (const crowd of crowds) all.push(await one(site, crowd));
  } finally {
    await site.close();
  }
  const figures = all.flatMap((judged) => judged.figures);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${FOLDER}/night.json`, `${JSON.stringify(all, undefined, 2)}\n`);
  writeFileSync(`${FOLDER}/night.html`, pageOf(all));
  process.stdout.write(
    `${table(figures)}\n${all.map(spentBy).join('\n')}\n${values.url === undefined ? '' : 'its memory and its letters are not known here, and not judged\n'}seed ${values.seed}; also in ${FOLDER}/night.json and night.html\n`,
  );
  return figures.every(({ met }) => met);
}

async function one(site: Site, crowd: Crowd): Promise<Judged> {
  const before = await site.raised();
  const thankedBefore = site.thanked?.().length ?? 0;
  const cpu = site.figures?.cpuSeconds() ?? {};
  let memoryMb = 0;
  const looking = setInterval(() => (memoryMb = Math.max(memoryMb, site.figures?.memoryMb() ?? 0)), MEMORY_EVERY_MS);
  const outcome = await spend(site, crowd, progress(crowd));
  clearInterval(looking);
  const after = site.figures?.cpuSeconds() ?? {};
  const books = await booksAtRest(site, before, outcome);
  const thanks = site.thanked && (await thanksAtRest(site.thanked, thankedBefore, outcome));
  const judged = {
    ...{ crowd, night: outcome, books, thanks },
    ...(site.figures && { memoryMb, cpuMsPerThousand: perThousand(cpu, after, outcome) }),
  };
  return { ...judged, ...judge(judged) };
}

/** What each part of the system spent. */
const perThousand = (before: Record<string, number>, after: Record<string, number>, { asked }: Night) =>
  Object.fromEntries(Object.entries(after).map(([part, spent]) => [part, ((spent - (before[part] ?? 0)) * 1e6) / asked]));

/** Each acknowledged gift is paid by the sandbox a moment later; none is there twice, and none is missing. */
async function booksAtRest(site: Site, before: number, { gifts }: Night): Promise<Judged['books']> {
  const acknowledged = gifts * GIFT_CENTS;
  const gained = async () => (await site.raised()) - before;
  const until = performance.now() + PAID_WITHIN_MS;
  while ((await gained()) < acknowledged && performance.now() < until) await pause(500);
  await pause(TWICE_WITHIN_MS);
  return { gained: await gained(), acknowledged };
}

/** Each gift is thanked for by a letter, once. */
async function thanksAtRest(thanked: () => string[], before: number, { gifts }: Night): Promise<Judged['thanks']> {
  const until = performance.now() + PAID_WITHIN_MS;
  for (;;) {
    const letters = thanked().slice(before);
    if (letters.length >= gifts || performance.now() > until) break;
    await pause(500);
  }
  await pause(TWICE_WITHIN_MS);
  const letters = thanked().slice(before);
  return { letters: letters.length, gifts: new Set(letters).size };
}

function progress({ users, arrivals = 0, seconds, rampSeconds }: Crowd): (left: number, line: string) => void {
  const whole = seconds + rampSeconds;
  const name = users === undefined ? `${arrivals}/s` : `${users} users`;
  let said = -1;
  return (left, line) => {
    const part = 1 - left / whole;
    const bar = '#'.repeat(Math.round(part * BAR)).padEnd(BAR);
    const tenth = Math.floor(part * 10);
    if (process.stderr.isTTY)
      process.stderr.write(`\r${name} [${bar}] ${left.toFixed(0).padStart(3)} s left, ${line}      ${left === 0 ? '\n' : ''}`);
    else if (tenth > said) process.stderr.write(`${name} [${bar}] ${left.toFixed(0)} s left, ${line}\n`);
    said = tenth;
  };
}

const spentBy = ({ name, night: { ownCpu }, cpuMsPerThousand }: Judged): string => {
  const { all, ...parts } = cpuMsPerThousand ?? {};
  const each = Object.entries(parts).map(([part, ms]) => `${part} ${ms.toFixed(0)}`);
  const system = all === undefined ? '' : `; the system ${all.toFixed(0)} ms of CPU per 1,000 requests (${each.join(', ')})`;
  return `${name}: asking took ${(ownCpu * 100).toFixed(0)} % of a core${system}`;
};

function isOrigin(given: string): boolean {
  const { protocol, pathname } = URL.canParse(given) ? new URL(given) : { protocol: '', pathname: '' };
  return /^https?:$/.test(protocol) && pathname === '/';
}

/** Of nobody, in no time or without a thought nothing can be told. */
function some(given: string): number {
  const number = whole(given);
  if (number === 0) throw new Misunderstood(`${given === '' ? 'nothing' : given} is not enough`);
  return number;
}

function whole(given: string): number {
  const number = Number(given);
  if (!Number.isSafeInteger(number) || number < 0) throw new Misunderstood(`${given} is not a whole number`);
  return number;
}
