import { Controller, Get, Header, Inject, Query } from '@nestjs/common';
import { z } from 'zod';
import { CONFIG } from '../config/config.module.js';
import { publicUrl, type Config } from '../config/config.js';
import { Policy } from '../http/policy.js';
import { Says, type RouteWords } from '../http/says.js';
import { Refusal } from '../kernel/problems.js';
import { keptOfAll } from './campaigns.policies.js';
import { isPublic } from './campaigns.service.js';
import { CampaignsStore, type WholeCampaign } from './campaigns.store.js';
import { statuses } from './campaign.entity.js';
import { decimalOf } from './reais.js';

const PAGE = 20;
/** Since when nobody should begin to use it. */
const SINCE = '@1795132800';
const PATH = '/api/campanhas/listar/';

const pageQuery = z.object({ page: z.coerce.number().int().min(1).max(100_000).default(1) });

const listShape = z.object({
  count: z.int(),
  next: z.string().nullable(),
  previous: z.string().nullable(),
  results: z.array(
    z.object({
      id: z.uuid(),
      titulo: z.string(),
      descricao: z.string(),
      meta: z.string(),
      arrecadado: z.string(),
      status: z.string(),
      criado_em: z.iso.datetime(),
    }),
  ),
});

const words: RouteWords = {
  group: 'Older clients',
  summary: 'Campaigns, as the Django API had them',
  detail: 'Twenty on each page, the newest first, with or without a final slash. Use `/api/v1/campaigns` instead.',
  deprecated: true,
  answers: { 200: { says: 'A page of them.', shape: listShape } },
};

@Controller('api/campanhas')
export class OlderCampaignsController {
  private readonly base: string;

  constructor(
    private readonly store: CampaignsStore,
    @Inject(CONFIG) config: Config,
  ) {
    this.base = publicUrl(config).replace(/\/+$/, '');
  }

  @Policy(keptOfAll('page'))
  @Says(words)
  @Header('deprecation', SINCE)
  @Header('link', '</api/v1/campaigns>; rel="successor-version"')
  @Get('listar')
  async list(@Query({ schema: pageQuery }) { page }: z.output<typeof pageQuery>) {
    const filter = { statuses: statuses.filter(isPublic) };
    const skip = (page - 1) * PAGE;
    const [rows, count] = await Promise.all([this.store.listWhole(filter, { skip, take: PAGE }), this.store.count(filter)]);
    if (page > 1 && rows.length === 0) throw new Refusal('not_found', 'There is no such page.');
    const pageAt = (at: number) => `${this.base}${PATH}?page=${at}`;
    return {
      count,
      next: skip + rows.length < count ? pageAt(page + 1) : null,
      previous: page > 1 ? pageAt(page - 1) : null,
      results: rows.map(olderOf),
    };
  }
}

const olderOf = ({ id, title, description, goalCents, raisedCents, status, createdAt }: WholeCampaign) => ({
  id,
  titulo: title,
  descricao: description,
  meta: decimalOf(goalCents),
  arrecadado: decimalOf(raisedCents),
  status,
  criado_em: createdAt,
});
