import { spawnLab } from '../support/lab.js';
import { compare, CONNECTIONS, spawnBare, type Asked, type Crowd } from './against.js';
import { crowd } from './crowd.js';
import { givingEnv } from './donations.js';
import type { Figure } from './figures.js';
import { addCampaigns, giftsTo } from './givers.js';
import { mixInWords, stepsOf, type Paths } from './mixed.js';
import { paying } from './paying.js';
import { peers, type Column } from './peers.js';
import { addPeople, signIn, signingIn } from './people.js';

const PEOPLE = 264;
/** Who look at their own pages. */
const READERS = 64;
const CAMPAIGNS = 20;
const MANY = 1_000;
const PAIRS = 5;
const CROWD_SECONDS = 10;
const MOST_P95_MS = 100;
/** What others have this machine do is no reason to refuse here; to watch costs the same. */
const PATIENT = { OVERLOAD_DELAY_MS: '5000' };

/** One of the two that are compared. */
interface Side {
  url: string;
  paths: Paths & { confirm: string };
  /** Of those who look at their own pages. */
  tokens: readonly string[];
}

interface Comparison {
  /** Times the CPU of the same by hand. */
  most: number;
  ask: (side: Side) => Asked | Crowd;
  requests?: number;
  /** Where a crowd takes long, fewer turns tell as much. */
  crowd?: { requests: number; pairs: number };
}

/** All that is asked most, few at a time and a thousand, beside the same work by hand and those whom others use; the engines' work counted in. */
export async function sideBySide(env: Record<string, string | undefined>, redisUrl: string, engines: number[]): Promise<Figure[]> {
  const databaseUrl = env.DATABASE_URL ?? '';
  const campaigns = await addCampaigns(databaseUrl, CAMPAIGNS);
  const [first = ''] = campaigns;
  const people = await addPeople(databaseUrl, PEOPLE);
  const [readers, others] = [people.slice(0, READERS), people.slice(READERS)];
  const bare = await spawnBare('bare', [databaseUrl, redisUrl]);
  const ours = await spawnLab({ ...givingEnv(env), ...PATIENT }, { silent: true });
  const cpu = { own: [ours.process.pid ?? Number.NaN, ...engines], hand: [bare.pid, ...engines] };
  const side = async (url: string, paths: Side['paths']): Promise<Side> => {
    const tokens: string[] = [];
    // One after the other: passwords are checked by few at once.
    for (const reader of readers) tokens.push(await signIn(url + paths.signIn, reader));
    return { url, paths, tokens };
  };
  const own = await side(ours.url, {
    ...{ list: '/api/v1/campaigns', campaign: `/api/v1/campaigns/${first}`, own: '/api/v1/users/me' },
    ...{ pledge: `/api/v1/campaigns/${first}/donations`, confirm: '/api/v1/payments/webhooks/sandbox', signIn: '/api/v1/auth/login' },
  });
  const hand = await side(bare.url, {
    ...{ list: '/kept/list', campaign: '/kept/campaign', own: '/me' },
    ...{ pledge: `/give/${first}`, confirm: '/paid', signIn: '/login' },
  });
  for (const page of ['list', 'campaign'] as const) {
    const told = await fetch(own.url + own.paths[page]);
    const headers = { 'content-type': 'application/json' };
    await fetch(`${bare.url}/keep/${page}`, { method: 'POST', headers, body: await told.text() });
  }
  const columns: Record<Column, Comparison> = {
    list: { most: 1.3, ask: ({ url, paths }) => ({ url: url + paths.list }) },
    campaign: { most: 1.3, ask: ({ url, paths }) => ({ url: url + paths.campaign }) },
    'own page': { most: 1.5, ask: ({ url, paths, tokens }) => ({ url: url + paths.own, tokens }) },
    donate: { most: 2, requests: 3_000, ask: ({ url, paths }) => giftsTo(url + paths.pledge, 'card') },
    confirm: { most: 2, requests: 3_000, ask: ({ url, paths }) => paying(url, paths.confirm, databaseUrl, campaigns) },
    'sign-in': {
      ...{ most: 1.1, requests: 192, crowd: { requests: MANY, pairs: 3 } },
      ask: ({ url, paths }) => signingIn(url, paths.signIn, others),
    },
    mixed: {
      most: 1.3,
      requests: 5_000,
      ask: ({ url, paths, tokens: [token = ''] }) => ({ url, steps: stepsOf(paths, token, others[0] ?? '') }),
    },
  };
  const figures: Figure[] = [];
  try {
    for (const [column, { most, ask, requests, crowd: crowded }] of Object.entries(columns) as [Column, Comparison][])
      for (const connections of [CONNECTIONS, MANY]) {
        const work = { own: ask(own), hand: ask(hand), cpu, connections };
        const costs = await compare({ ...work, requests, pairs: PAIRS, ...(connections === MANY && crowded) });
        const figure = rated(column, connections, most, costs);
        figures.push(figure);
        // All of it takes ten minutes.
        process.stderr.write(`${figure.what}: ${figure.measured}\n`);
      }
    figures.push(await waits(own.url + own.paths.list, hand.url + hand.paths.list));
    return figures;
  } finally {
    await Promise.all([bare.end(), ours.end()]);
  }
}

/** Beside what each of the others would have taken, reckoned from the same by hand as it was in this run. */
function rated(column: Column, connections: number, most: number, { ratio, own, hand }: Awaited<ReturnType<typeof compare>>): Figure {
  const seconds = (ms: number) => (ms / 1_000).toPrecision(2);
  const others = Object.entries(peers).flatMap(([name, { [column]: factor }]) => (factor === undefined ? [] : [{ name, factor }]));
  const told = others.map(({ name, factor }) => `${name} ${seconds(hand * factor)}${factor > ratio ? '' : ' (AHEAD OF US)'}`);
  const what = column === 'mixed' ? `mixed (${mixInWords})` : column;
  return {
    what: `${what} at ${connections.toLocaleString('en')} connections, CPU seconds of 1,000`,
    measured: `${seconds(own)}, by hand ${seconds(hand)}: ${ratio.toFixed(2)}×${told.length > 0 ? `; ${told.join(', ')}` : ''}`,
    promise: `at most ${most}×${others.length > 0 ? ', ahead of the others' : ''}`,
    met: ratio <= most && others.every(({ factor }) => factor > ratio),
  };
}

/** How long those wait who come a thousand at a time, the asking on the same two cores; by hand too, as machines differ. */
async function waits(url: string, byHand: string): Promise<Figure> {
  const hand = await crowd(byHand, MANY, CROWD_SECONDS);
  const { p95, p99, perSecond, failed } = await crowd(url, MANY, CROWD_SECONDS);
  return {
    what: `the list at ${MANY.toLocaleString('en')} connections`,
    measured: `P95 ${p95.toFixed(0)} ms, P99 ${p99.toFixed(0)} ms, ${perSecond.toFixed(0)}/s, ${failed} not answered (by hand P95 ${hand.p95.toFixed(0)} ms, ${hand.perSecond.toFixed(0)}/s)`,
    promise: `P95 under ${MOST_P95_MS} ms`,
    met: p95 < MOST_P95_MS && failed === 0,
  };
}
