import { createHmac } from 'node:crypto';
import { randomHex } from '../../src/kernel/ids.js';
import type { Entry } from './cloud-api.js';

export const CLOUD = {
  WHATSAPP_PHONE_NUMBER_ID: '106540352242922',
  WHATSAPP_BUSINESS_ACCOUNT_ID: '102290129340398',
  WHATSAPP_ACCESS_TOKEN: 'EAAG-token-of-tests-0123456789',
  WHATSAPP_APP_SECRET: 'app-secret-of-tests',
  WHATSAPP_VERIFY_TOKEN: 'verify-token-of-tests',
};

/** What is posted to `messages`. */
export interface Sent {
  messaging_product?: string;
  recipient_type?: string;
  to?: string;
  type?: string;
  text?: { body?: string; preview_url?: boolean };
  template?: { name?: string; language?: { code?: string }; components?: { type: string; parameters: { type: string; text: string }[] }[] };
  biz_opaque_callback_data?: string;
}

export interface MetaTemplate {
  id: string;
  name: string;
  language: string;
  status: string;
  category: string;
  components: { type: string; format?: string; text?: string }[];
}

const aTemplate = (name: string, body: string, over: Partial<MetaTemplate> = {}): MetaTemplate => ({
  id: randomHex(16),
  name,
  language: 'pt_BR',
  status: 'APPROVED',
  category: 'UTILITY',
  components: [
    { type: 'HEADER', format: 'TEXT', text: 'Mutirão {{1}}' },
    { type: 'BODY', text: body },
    { type: 'FOOTER', text: 'SAIR para não receber mais' },
  ],
  ...over,
});

export const METAS_TEMPLATES = [
  aTemplate('campaign_news', 'Olá, {{1}}! Novidade da campanha {{2}}: {{3}}', { category: 'MARKETING' }),
  aTemplate('donation_receipt', 'Obrigado, {{1}}! Recebemos {{2}} para {{3}}.'),
  aTemplate('greeting', 'Olá!'),
  aTemplate('greeting', 'Hello, {{1}} and {{1}}!', { language: 'en_US' }),
  aTemplate('paused_news', 'Parado: {{1}}', { status: 'PAUSED', category: 'MARKETING' }),
];

const titles: Record<number, [status: number, title: string]> = {
  1: [500, 'An unknown error occurred'],
  2: [503, 'Service temporarily unavailable'],
  100: [400, 'Invalid parameter'],
  190: [401, 'Invalid OAuth access token'],
  80007: [429, 'Rate limit issues'],
  130429: [429, 'Rate limit hit'],
  131008: [400, 'Required parameter is missing'],
  131026: [400, 'Message undeliverable'],
  131047: [400, 'Re-engagement message'],
  131050: [400, 'User stopped marketing messages'],
  131056: [429, '(Business Account, Consumer Account) pair rate limit hit'],
  132000: [400, 'Number of parameters does not match the expected number of params'],
  132001: [404, 'Template name does not exist in the translation'],
  132015: [400, 'Template is paused'],
};

/** An error as Meta writes it; `quotes` is said back, as some servers do. */
export function metaError(
  code: number,
  { subcode, status, quotes }: { subcode?: number; status?: number; quotes?: string | undefined } = {},
) {
  const [usual, title] = titles[code] ?? [400, 'Something went wrong'];
  const error = {
    message: `(#${code}) ${title}${quotes ? ` ${quotes}` : ''}`,
    type: 'OAuthException',
    code,
    ...(subcode !== undefined && { error_subcode: subcode }),
    error_data: { messaging_product: 'whatsapp', details: title },
    fbtrace_id: randomHex(16),
  };
  return { status: status ?? usual, body: { error } };
}

/** What Meta would not take of a message. */
export function faultsIn({ text, template, ...rest }: Sent, templates: MetaTemplate[]) {
  if (rest.messaging_product !== 'whatsapp' || rest.recipient_type !== 'individual') return metaError(100);
  if (!/^\d{8,15}$/.test(rest.to ?? '') || (rest.biz_opaque_callback_data ?? '').length > 512) return metaError(100);
  if (rest.type === 'text') return (text?.body ?? '') === '' ? metaError(131008) : text!.body!.length > 4_096 ? metaError(100) : undefined;
  if (rest.type !== 'template' || !template) return metaError(131008);
  const known = templates.find(({ name, language }) => name === template.name && language === template.language?.code);
  if (!known) return metaError(132001);
  if (known.status === 'PAUSED') return metaError(132015);
  const given = template.components?.find(({ type }) => type === 'body')?.parameters ?? [];
  const wanted = new Set(known.components.find(({ type }) => type === 'BODY')?.text?.match(/\{\{\d+\}\}/g));
  return given.length === wanted.size ? undefined : metaError(132000);
}

export function listOf(templates: MetaTemplate[], after: number, most: number) {
  const end = Math.min(templates.length, after + most);
  const paging = {
    cursors: { before: String(after), after: String(end) },
    ...(end < templates.length && { next: 'https://graph.invalid/next' }),
  };
  return { data: templates.slice(after, end), paging };
}

/** As WhatsApp calls people: many Brazilians still without the ninth digit of their number. */
export const waIdOf = (phone: string): string => phone.replace(/^\+/, '').replace(/^(55(?:[3-9]\d))9(\d{8})$/, '$1$2');

const seconds = (at: Date) => String(Math.floor(at.getTime() / 1_000));

export interface StatusPiece {
  id: string;
  status: string;
  timestamp: string;
  recipient_id: string;
  biz_opaque_callback_data?: string;
  errors?: object[];
}

/** What is told of a message that was taken; also of one whose sender had no answer. */
export function aStatus(
  { reference, id, to }: Pick<Entry, 'reference' | 'id' | 'to'>,
  status: 'sent' | 'delivered' | 'read' | 'failed',
  { at = new Date(), code = 131026 }: { at?: Date; code?: number } = {},
): StatusPiece {
  const title = titles[code]?.[1] ?? 'Something went wrong';
  return {
    id: reference ?? 'wamid.none',
    status,
    timestamp: seconds(at),
    recipient_id: waIdOf(to ?? ''),
    ...(id !== undefined && { biz_opaque_callback_data: id }),
    ...(status === 'failed' && { errors: [{ code, title, message: title, error_data: { details: `${title}.` } }] }),
  };
}

export const anInbound = (
  phone: string,
  text: string,
  { at = new Date(), id = `wamid.${randomHex(40)}` }: { at?: Date; id?: string } = {},
) => ({
  from: waIdOf(phone),
  id,
  timestamp: seconds(at),
  type: 'text',
  text: { body: text },
});

/** A body of the webhook, with all of it in one change. */
export const aNotice = (
  value: { statuses?: object[]; messages?: object[]; user_preferences?: object[] },
  field = 'messages',
  number = CLOUD.WHATSAPP_PHONE_NUMBER_ID,
) => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: CLOUD.WHATSAPP_BUSINESS_ACCOUNT_ID,
      changes: [
        {
          field,
          value: {
            messaging_product: 'whatsapp',
            metadata: { display_phone_number: '5511900000000', phone_number_id: number },
            ...value,
          },
        },
      ],
    },
  ],
});

export const signatureOf = (text: string | Buffer, proof: 'right' | 'wrong' = 'right'): string =>
  `sha256=${createHmac('sha256', proof === 'right' ? CLOUD.WHATSAPP_APP_SECRET : 'another')
    .update(text)
    .digest('hex')}`;
