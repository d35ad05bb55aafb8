import { afterAll, afterEach, beforeAll } from 'vitest';
import type { Environment } from '../../src/config/config.js';
import { KEY, startOpenAI, type OpenAIStandIn } from './openai.js';
import { openPeople, type People } from './people.js';

export const MODEL = 'model-of-tests';
/** Dollars of a million tokens. */
export const PRICE = { input: 10, output: 20 };

/** The application before a provider of its own that says so many words, for the tests of one file. */
export function beforeAProvider(words: number, env: Environment = {}) {
  const here = { provider: undefined as unknown as OpenAIStandIn, people: undefined as unknown as People };
  beforeAll(async () => {
    here.provider = await startOpenAI({ words });
    here.people = await openPeople({
      RATE_LIMIT_PER_MINUTE: '0',
      AI_BASE_URL: here.provider.url,
      AI_API_KEY: KEY,
      AI_MODEL: MODEL,
      AI_PRICES: JSON.stringify({ [MODEL]: PRICE }),
      ...env,
    });
  });
  afterEach(() => here.provider.behave('well'));
  afterAll(async () => {
    await here.people.close();
    await here.provider.stop();
  });
  return here;
}
