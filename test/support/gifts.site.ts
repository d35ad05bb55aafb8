import type pg from 'pg';
import type { Environment } from '../../src/config/config.js';
import { pause } from '../../src/kernel/waiting.js';
import { SECRET, signed } from './donations.js';
import { labEnvironment, spawnLab } from './lab.js';
import { newEmail, PASSWORD } from './people.js';
import { requestOf } from './request.js';

/** No request may hang longer, whatever is away. */
export const MOST_MS = 15_000;

export interface Answer {
  /** 0 where there was none within the time that was waited. */
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
  ms: number;
}

export interface Ground {
  databaseUrl: string;
  redisUrl: string;
  rows: <T extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<T[]>;
}

interface Asking {
  body?: unknown;
  token?: string;
  headers?: Record<string, string>;
}

/** `undefined` where the process died under the question, or was not there. */
async function ask(url: string, method: string, { body, token, headers }: Asking): Promise<Answer | undefined> {
  const began = performance.now();
  try {
    const signal = AbortSignal.timeout(MOST_MS + 5_000);
    const response = await fetch(url, { ...requestOf(method, body, token, headers), signal });
    const text = await response.text();
    const json = text.startsWith('{') ? (JSON.parse(text) as Answer['json']) : {};
    return { status: response.status, headers: response.headers, text, json, ms: performance.now() - began };
  } catch (fault) {
    if (!(fault instanceof Error && fault.name === 'TimeoutError')) return undefined;
    return { status: 0, headers: new Headers(), text: 'no answer', json: {}, ms: performance.now() - began };
  }
}

export interface Wished {
  key: string;
  how: 'never' | 'pay';
  body: object;
}

/** Real processes of one installation that takes gifts by the sandbox, with a campaign. */
export async function openSite({ databaseUrl, redisUrl, rows }: Ground, env: Environment = {}) {
  const all = labEnvironment(databaseUrl, redisUrl, {
    APP_ROLE: 'all',
    ENVIRONMENT: 'development',
    LOG_LEVEL: 'silent',
    RATE_LIMIT_AUTH_PER_MINUTE: '0',
    RATE_LIMIT_USER_PER_MINUTE: '0',
    PAYMENT_PROVIDER: 'sandbox',
    SANDBOX_WEBHOOK_SECRET: SECRET,
    WORKERS: '2',
    ...env,
  });
  // The mailbox of development holds few letters; here each is counted.
  await rows('CREATE OR REPLACE RULE letters_stay AS ON DELETE TO mails DO INSTEAD NOTHING');
  const spawn = () => spawnLab(all, { silent: true });
  const labs = await Promise.all([spawn(), spawn()]);
  /** A process that is behind is asked once more. */
  async function send(at: number, method: string, path: string, asking: Asking = {}): Promise<Answer | undefined> {
    for (;;) {
      const answer = await ask(`${labs[at % labs.length]!.url}/api/v1${path}`, method, asking);
      if (answer?.json.code !== 'overloaded' || !answer.headers.has('retry-after')) return answer;
      await pause(100);
    }
  }

  async function surely(method: string, path: string, asking: Asking): Promise<Answer['json']> {
    const answer = await send(0, method, path, asking);
    if (answer && answer.status < 300) return answer.json;
    throw new Error(`${method} ${path}: ${answer?.text ?? 'no answer'}`);
  }
  async function person(role: 'organizer' | 'admin') {
    const { accessToken, user } = await surely('POST', '/auth/register', { body: { email: newEmail(), password: PASSWORD, name: 'Ana' } });
    await rows('UPDATE users SET role = $2 WHERE id = $1', [(user as { id: string }).id, role]);
    return String(accessToken);
  }
  const [owner, admin] = [await person('organizer'), await person('admin')];
  async function campaign(): Promise<string> {
    const body = { title: 'Um telhado novo', summary: 'A chuva entra.', description: '<p>Sessenta.</p>', goalCents: 5_000_000 };
    const { id } = await surely('POST', '/campaigns', { body, token: owner });
    await surely('POST', `/campaigns/${String(id)}/publish`, { token: owner });
    return String(id);
  }

  return {
    labs,
    rows,
    send,
    campaign,
    ...{ owner, admin },
    give: (at: number, campaignId: string, { key, how, body }: Wished) =>
      send(at, 'POST', `/campaigns/${campaignId}/donations`, { body, headers: { 'idempotency-key': key, 'x-sandbox-behaviour': how } }),
    tell: (at: number, ...told: Parameters<typeof signed>) => send(at, 'POST', '/payments/webhooks/sandbox', signed(...told)),
    /** Nothing of it goes on; another comes in its place. */
    kill: async (at: number) => {
      await labs[at]?.end('SIGKILL');
      labs[at] = await spawn();
    },
    close: () => Promise.all(labs.map(({ end }) => end('SIGKILL'))),
  };
}

export type Site = Awaited<ReturnType<typeof openSite>>;
