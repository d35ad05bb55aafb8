import { spawnLab } from '../support/lab.js';
import { against, spawnBare, type Step } from './against.js';
import { givingEnv } from './donations.js';
import type { Figure } from './figures.js';
import { addCampaigns, pledgeOf } from './givers.js';

const EMAIL = 'mixed@example.org';
const PASSWORD = 'uma frase bem longa e minha';
const json = { 'content-type': 'application/json' };
/** Of a hundred requests, as on the night of a campaign; whoever asks an AI has nobody to be compared with here. */
const SHARES = { list: 46, campaign: 36, own: 10, pledge: 7, signIn: 1 };
const REQUESTS = 5_000;

type Paths = Record<keyof typeof SHARES, string>;

/** Each kind as evenly among the others as it goes. */
function stepsOf(paths: Paths, token: string): Step[] {
  const made: Record<keyof Paths, Step> = {
    list: { method: 'GET', path: paths.list },
    campaign: { method: 'GET', path: paths.campaign },
    own: { method: 'GET', path: paths.own, headers: { authorization: `Bearer ${token}` } },
    pledge: {
      method: 'POST',
      path: paths.pledge,
      headers: { ...json, 'idempotency-key': '[<id>]', 'x-sandbox-behaviour': 'never' },
      body: pledgeOf('card'),
    },
    signIn: { method: 'POST', path: paths.signIn, headers: json, body: JSON.stringify({ email: EMAIL, password: PASSWORD }) },
  };
  const placed = Object.entries(SHARES).flatMap(([kind, many]) =>
    Array.from({ length: many }, (_, n) => ({ at: (n + 0.5) / many, step: made[kind as keyof Paths] })),
  );
  return placed.sort((one, other) => one.at - other.at).map(({ step }) => step);
}

/** All of it at once: few people with much to ask, and a thousand; the engines' work counted in. */
export async function mixed(env: Record<string, string | undefined>, redisUrl: string, engines: number[]): Promise<Figure[]> {
  const databaseUrl = env.DATABASE_URL ?? '';
  const [first = ''] = await addCampaigns(databaseUrl, 20);
  const bare = await spawnBare('bare', [databaseUrl, redisUrl, EMAIL, PASSWORD]);
  const ours = await spawnLab(givingEnv(env), { silent: true });
  const cpu = { own: [ours.process.pid ?? Number.NaN, ...engines], hand: [bare.pid, ...engines] };
  const say = async (url: string, body: object | string) => {
    const answer = await fetch(url, { method: 'POST', headers: json, body: typeof body === 'string' ? body : JSON.stringify(body) });
    return (await answer.json()) as { accessToken: string };
  };
  const own = {
    ...{ list: '/api/v1/campaigns', campaign: `/api/v1/campaigns/${first}`, own: '/api/v1/users/me' },
    ...{ pledge: `/api/v1/campaigns/${first}/donations`, signIn: '/api/v1/auth/login' },
  };
  const hand = { list: '/kept/list', campaign: '/kept/campaign', own: '/me', pledge: `/give/${first}`, signIn: '/login' };
  for (const page of ['list', 'campaign'] as const)
    await say(`${bare.url}/keep/${page}`, await (await fetch(`${ours.url}${own[page]}`)).text());
  const account = { email: EMAIL, password: PASSWORD };
  await say(`${ours.url}/api/v1/auth/register`, { ...account, name: 'Ana Souza' });
  // Whoever signs in again and again is signed out where he did so first: somebody else looks at his own page.
  const { accessToken } = await say(`${ours.url}/api/v1/auth/register`, { ...account, email: `other.${EMAIL}`, name: 'Eva Lima' });
  const signedIn = await say(`${bare.url}${hand.signIn}`, account);
  const figures: Figure[] = [];
  for (const connections of [64, 1_000])
    figures.push(
      await against({
        what: `the mix of a viral night (${Object.entries(SHARES)
          .map(([kind, many]) => `${many} % ${kind}`)
          .join(', ')}) at ${connections.toLocaleString('en')} connections`,
        own: { url: ours.url, steps: stepsOf(own, accessToken) },
        hand: { url: bare.url, steps: stepsOf(hand, signedIn.accessToken) },
        ...{ cpu, most: 1.3, requests: REQUESTS, connections },
      }),
    );
  await Promise.all([bare.end(), ours.end()]);
  return figures;
}
