import { spawnLab } from '../support/lab.js';
import { against, asInProduction, spawnBare } from './against.js';
import type { Figure } from './figures.js';

const PASSWORD = 'uma frase bem longa e minha';
const EMAIL = 'bench@example.org';
const SIGN_INS = 150;
const json = { 'content-type': 'application/json' };

/** What people cost: their own profile, and to let them in; the engines' work counted in. */
export async function people(env: Record<string, string | undefined>, redisUrl: string, engines: number[]): Promise<Figure[]> {
  const bare = await spawnBare('bare', [env.DATABASE_URL ?? '', redisUrl, EMAIL, PASSWORD]);
  const ours = await spawnLab({ ...env, ...asInProduction, APP_ROLE: 'api' }, { silent: true });
  const cpu = { own: [ours.process.pid ?? Number.NaN, ...engines], hand: [bare.pid, ...engines] };
  const ask = async (url: string, body: object) => {
    const response = await fetch(url, { method: 'POST', headers: json, body: JSON.stringify(body) });
    return (await response.json()) as { accessToken: string };
  };
  await ask(`${ours.url}/api/v1/auth/register`, { email: EMAIL, password: PASSWORD, name: 'Ana Souza' });
  const body = { email: EMAIL, password: PASSWORD };
  const login = (url: string) => ({ url, method: 'POST', headers: json, body: JSON.stringify(body) }) as const;
  const me = async (url: string, door: string) => ({ url, headers: { authorization: `Bearer ${(await ask(door, body)).accessToken}` } });
  const [ownDoor, handDoor] = [`${ours.url}/api/v1/auth/login`, `${bare.url}/login`];
  const figures = [
    await against({
      what: 'one’s own profile from the cache',
      own: await me(`${ours.url}/api/v1/users/me`, ownDoor),
      hand: await me(`${bare.url}/me`, handDoor),
      cpu,
      most: 1.5,
    }),
    // Few at a time: more would be told to come again.
    await against({ what: 'a sign-in', own: login(ownDoor), hand: login(handDoor), cpu, most: 1.1, requests: SIGN_INS, connections: 8 }),
  ];
  await Promise.all([bare.end(), ours.end()]);
  return figures;
}
