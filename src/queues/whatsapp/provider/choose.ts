import type { Config } from '../../../config/config.js';
import type { WhatsAppProvider } from './provider.js';
import { SandboxProvider } from './sandbox.provider.js';

type Chosen = Pick<Config, 'WHATSAPP_API_URL' | 'WHATSAPP_PHONE_NUMBER_ID' | 'WHATSAPP_ACCESS_TOKEN' | 'WHATSAPP_BUSINESS_ACCOUNT_ID'>;

/** Of a configuration that is not taken with an address alone. */
export async function chooseProvider(config: Chosen): Promise<WhatsAppProvider> {
  if (config.WHATSAPP_API_URL === undefined) return new SandboxProvider();
  const { CloudClient } = await import('./cloud.client.js');
  return new CloudClient({
    url: config.WHATSAPP_API_URL,
    phoneNumberId: config.WHATSAPP_PHONE_NUMBER_ID!,
    accessToken: config.WHATSAPP_ACCESS_TOKEN!,
    businessAccountId: config.WHATSAPP_BUSINESS_ACCOUNT_ID,
  });
}
