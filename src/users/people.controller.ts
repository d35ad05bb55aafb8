import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { idOf } from '../http/ids.js';
import { Cursors } from '../http/lists.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { Audit } from './audit.service.js';
import {
  auditQuery,
  entryOf,
  peopleQuery,
  peopleWords,
  personOf,
  rightsShape,
  type AuditQuery,
  type PeopleQuery,
  type RightsBody,
} from './people.dto.js';
import { People } from './people.service.js';
import { PeopleStore } from './people.store.js';
import { Users } from './users.service.js';

const admins = { access: 'admin', pace: 'browse' } as const;

@Controller('api/v1')
export class PeopleController {
  constructor(
    private readonly people: People,
    private readonly store: PeopleStore,
    private readonly users: Users,
    private readonly audit: Audit,
    private readonly cursors: Cursors,
  ) {}

  @Policy(admins)
  @Says(peopleWords.list)
  @Get('users')
  async list(@Query({ schema: peopleQuery }) { q, role, ...asked }: PeopleQuery) {
    const search = { q, role };
    const found = await this.cursors.paged(
      `users ${JSON.stringify(search)}`,
      asked,
      (from) => this.store.list(search, from),
      () => this.store.count(search),
    );
    return { ...found, items: found.items.map(personOf) };
  }

  @Policy(admins)
  @Says(peopleWords.one)
  @Get('users/:id')
  async one(@Param('id') id: string) {
    return personOf(await this.users.byId(idOf(id)));
  }

  @Policy(admins)
  @Says(peopleWords.change)
  @Patch('users/:id')
  async change(@Req() request: FastifyRequest, @Param('id') id: string, @Body({ schema: rightsShape }) change: RightsBody) {
    await this.people.change(callerOf(request).id, idOf(id), change);
    return personOf(await this.users.byId(idOf(id)));
  }

  @Policy(admins)
  @Says(peopleWords.erase)
  @HttpCode(204)
  @Delete('users/:id')
  erase(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.people.erase(callerOf(request).id, idOf(id));
  }

  @Policy(admins)
  @Says(peopleWords.audit)
  @Get('audit')
  async entries(@Query({ schema: auditQuery }) { subjectId, ...asked }: AuditQuery) {
    const found = await this.cursors.paged(
      `audit ${subjectId ?? ''}`,
      asked,
      (from) => this.audit.list(subjectId, from),
      () => this.audit.count(subjectId),
    );
    return { ...found, items: found.items.map(entryOf) };
  }
}
