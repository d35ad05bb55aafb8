import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { idOf } from '../http/ids.js';
import { bareListQuery, Cursors, type BareListQuery } from '../http/lists.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { Refusal } from '../kernel/problems.js';
import { apiKeyOf, apiKeysWords, newKeyShape, type NewKeyBody } from './api-keys.dto.js';
import { ApiKeys } from './api-keys.service.js';

const own = { access: 'signed-in', pace: 'browse', scope: 'none' } as const;

@Controller('api/v1/auth/api-keys')
export class ApiKeysController {
  constructor(
    private readonly keys: ApiKeys,
    private readonly cursors: Cursors,
  ) {}

  @Policy(own)
  @Says(apiKeysWords.list)
  @Get()
  async list(@Req() request: FastifyRequest, @Query({ schema: bareListQuery }) { limit, cursor }: BareListQuery) {
    const { id } = callerOf(request);
    const list = `api-keys ${id}`;
    const after = this.cursors.read(list, cursor);
    // Nobody has more than fifty, so all are read.
    const rows = (await this.keys.listOf(id)).filter((key) => after === undefined || key.id < after);
    const { items, nextCursor } = this.cursors.slice(list, rows, limit, (key) => key.id);
    return { items: items.map(apiKeyOf), nextCursor };
  }

  @Policy(own)
  @Says(apiKeysWords.make)
  @Post()
  async make(@Req() request: FastifyRequest, @Body({ schema: newKeyShape }) body: NewKeyBody) {
    const made = await this.keys.add(callerOf(request), body);
    return { ...apiKeyOf(made), key: made.key };
  }

  @Policy(own)
  @Says(apiKeysWords.end)
  @HttpCode(204)
  @Delete(':id')
  async end(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    if (!(await this.keys.end(callerOf(request).id, idOf(id)))) throw new Refusal('not_found', 'You have no such key.');
  }
}
