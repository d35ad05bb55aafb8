import { spawnLab } from '../support/lab.js';
import { against, asInProduction, spawnBare } from './against.js';
import { confirmations } from './confirmations.js';
import type { Figure } from './figures.js';
import { addCampaigns, giftsTo, keepGiving, SANDBOX_SECRET } from './givers.js';

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

/** What giving costs where it costs most, and reading meanwhile, beside the same work by hand; the engines' work counted in. */
export async function donations(env: Env, redisUrl: string, engines: number[]): Promise<Figure[]> {
  const databaseUrl = env.DATABASE_URL ?? '';
  const campaigns = await addCampaigns(databaseUrl, 20);
  const bare = await spawnBare('bare', [databaseUrl, redisUrl]);
  const ours = await spawnLab(givingEnv(env), { silent: true });
  const cpu = { own: [ours.process.pid ?? Number.NaN, ...engines], hand: [bare.pid, ...engines] };
  const [first = ''] = campaigns;
  const read = async (what: string, path: string, beside: () => number) => {
    const name = path.replaceAll(/\W/g, '-');
    const told = await fetch(`${ours.url}${path}`);
    await fetch(`${bare.url}/keep/${name}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: await told.text() });
    return against({ what, own: { url: `${ours.url}${path}` }, hand: { url: `${bare.url}/kept/${name}` }, cpu, most: 1.3, beside });
  };
  const pix = await against({
    what: 'a pledge by Pix, with its code and picture',
    own: giftsTo(`${ours.url}/api/v1/campaigns/${first}/donations`, 'pix'),
    hand: giftsTo(`${bare.url}/give/${first}`, 'card'),
    cpu,
    most: 2,
    requests: GIFTS,
  });
  const giving = await keepGiving(ours.url, campaigns, GIFTS_PER_SECOND);
  const meanwhile = ` while ${GIFTS_PER_SECOND} gifts a second arrive on them`;
  const figures = [
    pix,
    await read(`the list of 20 campaigns, cached${meanwhile}`, '/api/v1/campaigns', giving.given),
    await read(`one campaign, cached${meanwhile}`, `/api/v1/campaigns/${first}`, giving.given),
  ];
  await giving.stop();
  // At the end, as the server goes on clearing up after its million rows.
  figures.push(...(await confirmations(ours.url, databaseUrl, campaigns, cpu.own)));
  await Promise.all([bare.end(), ours.end()]);
  return figures;
}
