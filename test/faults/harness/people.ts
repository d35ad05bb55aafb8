import { newId } from '../../../src/kernel/ids.js';
import { eventually } from '../../support/lab.js';
import { PASSWORD } from '../../support/people.js';
import type { startEngines } from '../../support/engines.js';
import { send, type Answer } from './asking.js';

export { PASSWORD };

/** Access tokens live for 15 minutes. */
const FRESH_MS = 8 * 60_000;

export interface Person {
  /** `canary-<number>-`: in his name, in his address and in all that he writes, so that it is seen where it does not belong. */
  mark: string;
  id: string;
  email: string;
  address: string;
  token: string;
  refreshToken: string;
  freshAt: number;
}

let numbers = 0;

async function surely(url: string, path: string, body: object | undefined, address: string, token?: string): Promise<Answer['json']> {
  const { status, json, text } = await eventually(
    () => send(url, { method: 'POST', path: `/api/v1${path}`, body, token, address }),
    (answer) => answer.status !== 0 && answer.status !== 503 && answer.status !== 429,
  );
  if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
  return json;
}

async function register(url: string): Promise<Person> {
  const n = (numbers += 1);
  const mark = `canary-${n}-`;
  const email = `${mark}${newId().slice(-12)}@example.org`;
  const address = `198.18.${n >> 8}.${n & 255}`;
  const { accessToken, refreshToken, user } = await surely(
    url,
    '/auth/register',
    { email, password: PASSWORD, name: `Ana ${mark}` },
    address,
  );
  const tokens = { token: String(accessToken), refreshToken: String(refreshToken), freshAt: performance.now() };
  return { mark, email, address, id: (user as { id: string }).id, ...tokens };
}

/** One after the other: passwords are checked by few at once. */
export async function newcomers(url: string, many: number): Promise<Person[]> {
  const all: Person[] = [];
  while (all.length < many) all.push(await register(url));
  return all;
}

/** Opens nothing but what is asked of the AI. */
export async function aiKeyOf(url: string, { address, token }: Person): Promise<string> {
  const { key } = await surely(url, '/auth/api-keys', { name: 'programa', scopes: ['ai'] }, address, token);
  return String(key);
}

/** In time; where it cannot be now, the token that he has is good for some minutes more. */
export async function stayIn(url: string, person: Person): Promise<void> {
  if (performance.now() - person.freshAt < FRESH_MS) return;
  const body = { refreshToken: person.refreshToken };
  const { status, json } = await send(url, { method: 'POST', path: '/api/v1/auth/refresh', body, address: person.address });
  if (status !== 200) return;
  Object.assign(person, { token: String(json.accessToken), refreshToken: String(json.refreshToken), freshAt: performance.now() });
}

type Rows = Awaited<ReturnType<typeof startEngines>>['rows'];

/** Who has campaigns that take gifts, and writes to people. */
export async function organizer(url: string, rows: Rows, campaigns: number) {
  const person = await register(url);
  await rows(`UPDATE users SET role = 'organizer', name = 'Instituto' WHERE id = $1`, [person.id]);
  // His role is in the token, and known for a moment.
  const { accessToken, refreshToken } = await surely(url, '/auth/login', { email: person.email, password: PASSWORD }, person.address);
  Object.assign(person, { token: String(accessToken), refreshToken: String(refreshToken) });
  const ids: string[] = [];
  for (let n = 0; n < campaigns; n += 1) {
    const body = { title: `Um telhado novo ${n}`, summary: 'A chuva entra.', description: '<p>Sessenta.</p>', goalCents: 5_000_000 };
    const { id } = await eventually(
      () => surely(url, '/campaigns', body, person.address, person.token).catch(() => ({ id: undefined })),
      (made) => made.id !== undefined,
    );
    await surely(url, `/campaigns/${String(id)}/publish`, undefined, person.address, person.token);
    ids.push(String(id));
  }
  return { ...person, campaigns: ids };
}
