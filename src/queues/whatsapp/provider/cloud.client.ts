import { Pool } from 'undici';
import { Refusal } from '../../../kernel/problems.js';
import { outcomeOf, pageOf } from './cloud.answers.js';
import { exchange, type ExchangeBounds } from './cloud.exchange.js';
import type { KnownTemplate, Outcome, Outgoing, WhatsAppProvider } from './provider.js';

export interface CloudAccess {
  url: string;
  phoneNumberId: string;
  accessToken: string;
  /** Without it, no templates can be listed. */
  businessAccountId?: string | undefined;
}

export interface CloudBounds extends ExchangeBounds {
  connectMs: number;
  connections: number;
}

const bounds: CloudBounds = { connectMs: 1_500, answerMs: 10_000, mostBytes: 64 * 1024, connections: 256 };
/** Less than any server keeps them, so that none closes under a message. */
const IDLE_MS = 4_000;

const TEMPLATES_PER_PAGE = 100;
const MOST_PAGES = 20;
const MOST_PAGE_BYTES = 1024 * 1024;
const FIELDS = 'name,language,status,category,components';

/** Meta's Cloud API. */
export class CloudClient implements WhatsAppProvider {
  readonly name = 'cloud';
  private readonly pool: Pool;
  private readonly prefix: string;
  private readonly bounds: CloudBounds;

  constructor(
    private readonly access: CloudAccess,
    over: Partial<CloudBounds> = {},
  ) {
    this.bounds = { ...bounds, ...over };
    const { origin, pathname } = new URL(access.url);
    this.prefix = pathname.replace(/\/+$/, '');
    this.pool = new Pool(origin, {
      connections: this.bounds.connections,
      pipelining: 1,
      connect: { timeout: this.bounds.connectMs },
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      // The bounds of an exchange end it sooner, and know whether it has begun.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async send(message: Outgoing, signal: AbortSignal): Promise<Outcome> {
    const request = {
      method: 'POST',
      path: `${this.prefix}/${encodeURIComponent(this.access.phoneNumberId)}/messages`,
      headers: { ...this.headers, 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf(message)),
    } as const;
    return outcomeOf(await exchange(this.pool, request, signal, this.bounds), (text) =>
      text.replaceAll(this.access.accessToken, '[hidden]'),
    );
  }

  async templates(signal: AbortSignal): Promise<KnownTemplate[]> {
    const { businessAccountId } = this.access;
    if (businessAccountId === undefined) return [];
    const found: KnownTemplate[] = [];
    let after: string | undefined;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const query = new URLSearchParams({ fields: FIELDS, limit: String(TEMPLATES_PER_PAGE), ...(after !== undefined && { after }) });
      const path = `${this.prefix}/${encodeURIComponent(businessAccountId)}/message_templates?${query.toString()}`;
      const bounded = { ...this.bounds, mostBytes: MOST_PAGE_BYTES };
      const exchanged = await exchange(this.pool, { method: 'GET', path, headers: this.headers }, signal, bounded);
      const page = exchanged.answered ? pageOf(exchanged) : undefined;
      if (!page) throw new Refusal('dependency_down', 'Meta does not tell which templates there are. Try again in a moment.');
      found.push(...page.templates);
      if (page.after === undefined || page.after === after) break;
      after = page.after;
    }
    return found;
  }

  /** Whatever is still on its way ends here. */
  async close(): Promise<void> {
    await this.pool.destroy();
  }

  private get headers() {
    return { accept: 'application/json', authorization: `Bearer ${this.access.accessToken}` };
  }
}

const bodyOf = ({ id, to, text, template }: Outgoing) => ({
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  to: to.replace(/^\+/, ''),
  ...(template ? { type: 'template', template: templateOf(template) } : { type: 'text', text: { body: text, preview_url: false } }),
  // Comes back with each status, also of a message whose answer never came.
  biz_opaque_callback_data: id,
});

const templateOf = ({ name, language, parameters = [] }: NonNullable<Outgoing['template']>) => ({
  name,
  language: { code: language },
  ...(parameters.length > 0 && {
    components: [{ type: 'body', parameters: parameters.map((text) => ({ type: 'text', text })) }],
  }),
});
