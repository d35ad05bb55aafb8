import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { type FieldFault, Refusal } from '../../kernel/problems.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import type { KnownTemplate, Template, WhatsAppProvider } from './provider/provider.js';
import { WHATSAPP_PROVIDER } from './whatsapp.queue.js';

const FRESH_MINUTES = 60;
const ASK_MS = 2_000;
/** Who could not be asked is not asked by everybody. */
const ASK_AGAIN_MS = 60_000;
const APPROVED = 'APPROVED';

export interface TemplateView extends KnownTemplate {
  syncedAt: Date;
}

/** Templates as the provider lists them, asked for again when what is known is an hour old. */
@Injectable()
export class Templates {
  private syncing: Promise<void> | undefined;
  private failedAt = -Infinity;

  constructor(
    private readonly db: DataSource,
    @Inject(WHATSAPP_PROVIDER) private readonly provider: WhatsAppProvider,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** What the provider would refuse is refused before it stands in the line. */
  async mustFit({ name, language, parameters = [] }: Template): Promise<void> {
    if (!this.config.WHATSAPP_ENFORCE_WINDOW) return;
    const all = await this.list();
    // Where nobody can say which there are, the provider will.
    if (all.length === 0) return;
    const found = all.find((one) => one.name === name && one.language === language);
    if (!found) throw unfit('name', `is not known in ${language}`);
    if (found.status !== APPROVED) throw unfit('name', `is ${found.status.toLowerCase()} and cannot be sent`);
    if (found.parameters !== parameters.length) throw unfit('parameters', `must be ${found.parameters}, as the template has`);
  }

  /** As the provider lists them, or as it did where it cannot be asked. */
  async list(): Promise<TemplateView[]> {
    const [{ stale }] = await this.db.query<[{ stale: boolean }]>(
      `SELECT coalesce(max(synced_at) < now() - interval '${FRESH_MINUTES} minutes', true) AS stale FROM whatsapp_templates`,
    );
    if (stale && performance.now() > this.failedAt + ASK_AGAIN_MS)
      await this.sync().catch((err: unknown) => {
        this.failedAt = performance.now();
        this.log.warn({ err }, 'the templates could not be read, those known before hold');
      });
    return this.db.query<TemplateView[]>(
      'SELECT name, language, status, category, body, parameters, synced_at AS "syncedAt" FROM whatsapp_templates ORDER BY name, language',
    );
  }

  sync(): Promise<void> {
    this.syncing ??= this.read().finally(() => (this.syncing = undefined));
    return this.syncing;
  }

  private async read(): Promise<void> {
    const all = await this.provider.templates(AbortSignal.timeout(ASK_MS));
    await this.db.query(
      `WITH gone AS (
         DELETE FROM whatsapp_templates WHERE (name, language) NOT IN (SELECT * FROM unnest($1::text[], $2::text[]))
       )
       INSERT INTO whatsapp_templates (name, language, status, category, body, parameters, synced_at)
       SELECT DISTINCT ON (t.name, t.language) t.*, now() FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[])
         AS t(name, language, status, category, body, parameters)
       ON CONFLICT (name, language) DO UPDATE SET status = excluded.status, category = excluded.category, body = excluded.body,
         parameters = excluded.parameters, synced_at = now()`,
      [
        ...[all.map(({ name }) => name), all.map(({ language }) => language), all.map(({ status }) => status)],
        ...[all.map(({ category }) => category), all.map(({ body }) => body), all.map(({ parameters }) => parameters)],
      ],
    );
  }
}

const unfit = (field: string, message: string): Refusal => {
  const faults: FieldFault[] = [{ path: `template.${field}`, message }];
  return new Refusal('validation_failed', '1 field is not valid', faults);
};
