import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openAudio, type Audio } from '../support/audio.js';
import { eventually } from '../support/lab.js';
import { KEY, startOpenAI, type OpenAIStandIn } from '../support/openai.js';
import { wordsOf } from '../support/openai.answers.js';
import { CHAT, EARS, PRICES } from '../support/passing.js';
import type { Session } from '../support/people.js';
import { speech } from '../support/sounds.js';

const wave = speech(4, { channels: 1 });
let provider: OpenAIStandIn;
let a: Audio;
beforeAll(async () => {
  provider = await startOpenAI();
  a = await openAudio({
    AI_BASE_URL: provider.url,
    AI_API_KEY: KEY,
    AI_MODEL: CHAT,
    AI_TRANSCRIPTION_MODEL: EARS,
    AI_PRICES: JSON.stringify(PRICES),
  });
});
afterEach(() => provider.behave('well'));
afterAll(async () => {
  await a.close();
  await provider.stop();
});

const heardBy = async (as: Session) => {
  const { result } = await a.becomes(as, await a.send(as, wave), 'completed');
  return result!;
};
const usage = async (of: Session) =>
  (await a.people.send('GET', '/ai/usage', undefined, of.accessToken)).json as { used: number; reserved: number };

it('what was said is written down, on the account of whose recording it is', async () => {
  const eva = await a.people.person();
  expect(await heardBy(eva)).toMatchObject({ transcript: wordsOf(12), transcriptState: 'made' });
  expect(provider.ledger.at(-1)?.body).toMatchObject({ model: EARS, file: { name: 'recording.ogg', type: 'audio/ogg' } });
  const { used, reserved } = await usage(eva);
  // As many as the provider says, and never more than twenty for each second, which were kept back.
  expect([used, reserved]).toEqual([80, 0]);
});

it('whose budget is used up gets all else, and is told why', async () => {
  const eva = await a.people.person();
  await a.people.send('PUT', `/ai/budgets/${eva.user.id}`, { dailyTokens: 50 }, a.admin.accessToken);
  const calls = provider.ledger.length;
  const result = await heardBy(eva);
  expect(result).toMatchObject({ transcriptState: 'budget_exhausted', durationSeconds: 4 });
  expect(result).not.toHaveProperty('transcript');
  expect(provider.ledger.length).toBe(calls);
});

it.each([
  ['does not take it', { status: 404, error: { message: 'no such thing here' } }, 'not_offered'],
  ['fails', { status: 500 }, 'failed'],
  ['hangs up', 'hang up', 'failed'],
] as const)('a provider that %s keeps no recording from being completed', async (_name, how, state) => {
  provider.behave(how);
  const result = await heardBy(await a.people.person());
  expect(result).toMatchObject({ transcriptState: state });
  expect(result).not.toHaveProperty('transcript');
});

it('nobody is asked twice what was said, also where the process ended before it could be noted', async () => {
  const eva = await a.people.person();
  await a.people.send('POST', '/queues/audio/pause', undefined, a.admin.accessToken);
  const id = await a.send(eva, wave);
  await a.rows(`UPDATE audio_jobs SET transcript_state = 'unknown', measures = $2 WHERE id = $1`, [
    id,
    JSON.stringify({ durationSeconds: 4, normalized: {}, format: {} }),
  ]);
  const calls = provider.ledger.length;
  await a.people.send('POST', '/queues/audio/resume', undefined, a.admin.accessToken);
  await eventually(
    () => a.rows<{ state: string }>('SELECT state FROM audio_jobs WHERE id = $1', [id]),
    ([row]) => row?.state === 'completed',
  );
  expect(provider.ledger.length).toBe(calls);
});
