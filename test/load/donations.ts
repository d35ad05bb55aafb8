import { spawnLab } from '../support/lab.js';
import { against, asInProduction, spawnBare } from './against.js';
import { confirmations } from './confirmations.js';
import type { Figure } from './figures.js';
import { addCampaigns, keepGiving, pledgeOf, SANDBOX_SECRET } from './givers.js';

type Env = Record<string, string | undefined>;

const GIFTS = 3_000;
const GIFTS_PER_SECOND = 50;

export const givingEnv = (env: Env): Env => ({
  ...env,
  ...asInProduction,
  APP_ROLE: 'api',
  PAYMENT_PROVIDER: 'sandbox',
  SANDBOX_WEBHOOK_SECRET: SANDBOX_SECRET,
});

/** What giving and reading cost, beside the same work by hand; the engines' work counted in. */
export async function donations(env: Env, redisUrl: string, engines: number[]): Promise<Figure[]> {
  const databaseUrl = env.DATABASE_URL ?? '';
  const campaigns = await addCampaigns(databaseUrl, 20);
  const bare = await spawnBare('bare', [databaseUrl, redisUrl]);
  const ours = await spawnLab(givingEnv(env), { silent: true });
  const cpu = { own: [ours.process.pid ?? Number.NaN, ...engines], hand: [bare.pid, ...engines] };
  const [first = ''] = campaigns;
  const read = async (what: string, path: string, beside?: () => number) => {
    const name = path.replaceAll(/\W/g, '-');
    const told = await fetch(`${ours.url}${path}`);
    await fetch(`${bare.url}/keep/${name}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: await told.text() });
    return against({ what, own: { url: `${ours.url}${path}` }, hand: { url: `${bare.url}/kept/${name}` }, cpu, most: 1.3, beside });
  };
  const readBoth = async (when: string, beside?: () => number) => [
    await read(`the list of 20 campaigns, cached${when}`, '/api/v1/campaigns', beside),
    await read(`one campaign, cached${when}`, `/api/v1/campaigns/${first}`, beside),
  ];
  const give = (what: string, method: string) =>
    against({
      what,
      own: ask(`${ours.url}/api/v1/campaigns/${first}/donations`, method, { 'x-sandbox-behaviour': 'never' }),
      hand: ask(`${bare.url}/give/${first}`, 'card'),
      cpu,
      most: 2,
      requests: GIFTS,
    });
  const figures = [
    ...(await readBoth('')),
    await give('a pledge by card', 'card'),
    await give('a pledge by Pix, with its code and picture', 'pix'),
  ];
  const giving = await keepGiving(ours.url, campaigns, GIFTS_PER_SECOND);
  figures.push(...(await readBoth(` while ${GIFTS_PER_SECOND} gifts a second arrive on them`, giving.given)));
  await giving.stop();
  // At the end, as the server goes on clearing up after its million rows.
  figures.push(...(await confirmations(ours.url, databaseUrl, campaigns, cpu.own)));
  await Promise.all([bare.end(), ours.end()]);
  return figures;
}

const ask = (url: string, method: string, more: Record<string, string> = {}) =>
  ({
    url,
    method: 'POST',
    // Of each request its own: the tool puts an id in.
    headers: { 'content-type': 'application/json', 'idempotency-key': '[<id>]', ...more },
    body: pledgeOf(method),
    idReplacement: true,
  }) as const;
