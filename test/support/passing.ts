import OpenAI from 'openai';
import type { Environment } from '../../src/config/config.js';
import { eventually } from './lab.js';
import { KEY, startOpenAI } from './openai.js';
import { openPeople, type Session } from './people.js';

export const CHAT = 'model-of-tests';
export const FIGURES = 'figures-of-tests';
export const EARS = 'ears-of-tests';
export const PRICES = { [CHAT]: { input: 10, output: 20 }, [FIGURES]: { input: 2, output: 0 }, [EARS]: { input: 10, output: 30 } };

/** The application beside a provider that serves all that is passed on to one, and somebody who asks. */
export async function openPassing(env: Environment = {}) {
  const provider = await startOpenAI();
  const people = await openPeople({
    RATE_LIMIT_PER_MINUTE: '0',
    AI_BASE_URL: provider.url,
    AI_API_KEY: KEY,
    AI_MODEL: CHAT,
    AI_PRICES: JSON.stringify(PRICES),
    ...env,
  });
  const admin = await people.person({ role: 'admin' });
  const usage = async (of: Session) =>
    (await people.send('GET', '/ai/usage', undefined, of.accessToken)).json as { used: number; reserved: number; costUsd: number };
  return {
    provider,
    people,
    usage,
    /** Once nothing of his is under way. */
    settled: (of: Session) =>
      eventually(
        () => usage(of),
        ({ reserved }) => reserved === 0,
      ),
    /** Somebody with this budget. */
    person: async (dailyTokens?: number) => {
      const person = await people.person();
      if (dailyTokens !== undefined) await people.send('PUT', `/ai/budgets/${person.user.id}`, { dailyTokens }, admin.accessToken);
      return person;
    },
    keyOf: async (of: Session, scopes: string[]) =>
      String((await people.send('POST', '/auth/api-keys', { name: 'k', scopes }, of.accessToken)).json.key),
    client: (of: Session) => new OpenAI({ baseURL: `${people.url}/v1`, apiKey: of.accessToken, maxRetries: 0 }),
    /** After a test, and whatever kept the process behind: the next one finds both as they should be. */
    rest: async () => {
      provider.behave('well');
      await eventually(
        () => people.ask('/v1/models'),
        ({ status }) => status === 401,
      );
    },
    close: async () => {
      await people.close();
      await provider.stop();
    },
  };
}

export type Passing = Awaited<ReturnType<typeof openPassing>>;

export const refusedWith = async (answer: Response) => [answer.status, ((await answer.json()) as { error: { code: string } }).error.code];
