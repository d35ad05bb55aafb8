import pg from 'pg';
import { newId } from '../../src/kernel/ids.js';
import { MANY_GIFTS } from '../support/many-gifts.js';
import { spawnLab } from '../support/lab.js';
import { asInProduction } from './against.js';
import { residentMb, type Figure } from './figures.js';

const GIFTS = 1_000_000;
const WORDS = 5;
const LOOK_MS = 20;
const MOST_MB = 150;

/** What a process needs to hand out the whole list of a large campaign. */
export async function exportMemory(env: Record<string, string | undefined>): Promise<Figure[]> {
  const lab = await spawnLab({ ...env, ...asInProduction, APP_ROLE: 'api' }, { silent: true });
  const database = new pg.Client({ connectionString: env.DATABASE_URL });
  await database.connect();
  const send = async (path: string, body: object, token?: string) => {
    const headers = { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const response = await fetch(`${lab.url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return (await response.json()) as { id: string; accessToken: string };
  };
  const email = `export-${newId()}@example.org`;
  const { accessToken } = await send('/auth/register', { email, password: 'uma frase bem longa e minha', name: 'Ana Souza' });
  await database.query(`UPDATE users SET role = 'organizer' WHERE email = $1`, [email]);
  const campaign = { title: 'Um telhado novo', summary: 'A chuva entra.', description: '<p>Sessenta crianças.</p>', goalCents: 100 };
  const { id } = await send('/campaigns', campaign, accessToken);
  await database.query(MANY_GIFTS, [id, GIFTS, WORDS]);
  await database.query('VACUUM ANALYZE donations');
  await database.end();

  const pid = lab.process.pid ?? Number.NaN;
  const idle = residentMb(pid);
  let most = idle;
  const looking = setInterval(() => (most = Math.max(most, residentMb(pid))), LOOK_MS);
  const began = performance.now();
  const headers = { authorization: `Bearer ${accessToken}` };
  const { body } = await fetch(`${lab.url}/api/v1/campaigns/${id}/donations.csv`, { headers });
  let bytes = 0;
  let rows = -1;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    for (const byte of chunk) if (byte === 10) rows += 1;
  }
  const seconds = (performance.now() - began) / 1_000;
  clearInterval(looking);
  await lab.end();
  return [
    {
      what: `memory of one process above idle while it hands out ${GIFTS} gifts as a table`,
      measured: `${(most - idle).toFixed(0)} MB (idle ${idle.toFixed(0)} MB; ${(bytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s)`,
      promise: `all of them, under ${MOST_MB} MB`,
      met: rows === GIFTS && most - idle < MOST_MB,
    },
  ];
}
