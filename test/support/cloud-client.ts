import { afterEach, beforeEach, expect } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { CloudClient, type CloudBounds } from '../../src/queues/whatsapp/provider/cloud.client.js';
import type { Outcome, Outgoing } from '../../src/queues/whatsapp/provider/provider.js';
import { startCloudApi, type CloudApi } from './cloud-api.js';
import { CLOUD } from './cloud-api.answers.js';

export const TO = '+5511987654321';

export const aMessage = (over: Partial<Outgoing> = {}): Outgoing => ({ id: newId(), to: TO, text: 'Olá!', ...over });

/** One that never comes. */
export const aSignal = () => new AbortController().signal;

/** For each test a Meta of its own and a client that asks it; afterwards no outcome holds the token. */
export function beforeMeta() {
  const outcomes: Outcome[] = [];
  const here = {
    meta: undefined as unknown as CloudApi,
    client: undefined as unknown as CloudClient,
    async connect(over: Partial<CloudBounds> = {}, url?: string, accessToken = CLOUD.WHATSAPP_ACCESS_TOKEN): Promise<void> {
      await (here.client as CloudClient | undefined)?.close();
      const { WHATSAPP_PHONE_NUMBER_ID: phoneNumberId, WHATSAPP_BUSINESS_ACCOUNT_ID: businessAccountId } = CLOUD;
      here.client = new CloudClient({ url: url ?? here.meta.url, phoneNumberId, accessToken, businessAccountId }, over);
    },
    async restart(options: Parameters<typeof startCloudApi>[0]): Promise<void> {
      await here.meta.close();
      here.meta = await startCloudApi(options);
      await here.connect();
    },
    async send(message = aMessage(), signal = aSignal()): Promise<Outcome> {
      const outcome = await here.client.send(message, signal);
      outcomes.push(outcome);
      return outcome;
    },
  };
  beforeEach(async () => {
    here.meta = await startCloudApi();
    await here.connect();
  });
  afterEach(async () => {
    await here.client.close();
    await here.meta.close();
    expect(JSON.stringify(outcomes)).not.toContain(CLOUD.WHATSAPP_ACCESS_TOKEN);
  });
  return here;
}
