import { Controller, Get, Global, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccessGuard } from '../../src/http/access.guard.js';
import { Callers } from '../../src/http/caller.js';
import { Policy } from '../../src/http/policy.js';
import { openApp } from '../support/app.js';
import { trustingCallers } from '../support/callers.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { labEnvironment } from '../support/lab.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
});
afterAll(() => Promise.all([database.drop(), redis.stop()]));

const open = (features: Parameters<typeof openApp>[1]) => openApp(labEnvironment(database.url, redis.url, { APP_ROLE: 'api' }), features);

@Controller('policy')
class GuardedController {
  @Policy({ access: 'public', pace: 'none' })
  @Get('public')
  everyone() {
    return { seen: true };
  }
  @Policy({ access: 'signed-in', pace: 'none' })
  @Get('signed-in')
  signedIn() {
    return { seen: true };
  }
  @Policy({ access: 'organizer', pace: 'none' })
  @Get('organizer')
  organizer() {
    return { seen: true };
  }
  @Policy({ access: 'admin', pace: 'none' })
  @Get('admin')
  admin() {
    return { seen: true };
  }
}

@Global()
@Module({ controllers: [GuardedController], providers: [trustingCallers], exports: [Callers] })
class GuardedModule {}

@Module({ controllers: [GuardedController] })
class OrphanModule {}

@Controller('policy')
class ForgetfulController {
  @Get('forgotten')
  forgotten() {
    return { seen: true };
  }
}

@Module({ controllers: [ForgetfulController] })
class ForgetfulModule {}

/** Past Nest, as the documentation is. */
@Injectable()
class RawRoute implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost<FastifyAdapter>) {}
  onModuleInit(): void {
    this.host.httpAdapter.getInstance<FastifyInstance>().get('/raw', async () => ({ seen: true }));
  }
}

@Module({ providers: [RawRoute] })
class RawModule {}

describe('a route without a policy', () => {
  it('stops the process at start', async () => {
    await expect(open([ForgetfulModule])).rejects.toThrow('routes without a policy: ForgetfulController.forgotten');
  });

  it('stops the process at start also where Nest does not know it', async () => {
    await expect(open([RawModule])).rejects.toThrow('routes without a policy: GET /raw');
  });
});

describe('a route lets in', () => {
  const answers: Record<string, [anyone: number, donor: number, organizer: number, admin: number]> = {
    public: [200, 200, 200, 200],
    'signed-in': [401, 200, 200, 200],
    organizer: [401, 403, 200, 200],
    admin: [401, 403, 403, 200],
  };

  it('whom its policy names, nobody else, and nobody who shows something that proves nothing', async () => {
    const app = await open([GuardedModule]);
    for (const [path, expected] of Object.entries(answers)) {
      const statuses = [(await app.ask(`/policy/${path}`)).status];
      for (const role of ['donor', 'organizer', 'admin'])
        statuses.push((await app.ask(`/policy/${path}`, { headers: { authorization: `Bearer ${role}` } })).status);
      expect([path, ...statuses]).toEqual([path, ...expected]);
      for (const forged of ['Bearer', 'Bearer nobody', 'Basic admin'])
        expect((await app.ask(`/policy/${path}`, { headers: { authorization: forged } })).status).toBe(401);
    }
    const refusal = await app.ask('/policy/admin');
    expect(refusal.json).toMatchObject({ code: 'unauthenticated', status: 401 });
    expect(refusal.headers.get('www-authenticate')).toBe('Bearer');
    await app.app.close();
  });

  it('nobody but the public where no part knows people', async () => {
    const app = await openApp(labEnvironment(database.url, redis.url, { APP_ROLE: 'api' }), [OrphanModule]);
    expect((await app.ask('/policy/public')).status).toBe(200);
    for (const authorization of ['', 'Bearer admin'])
      expect((await app.ask('/policy/admin', { headers: { authorization } })).status).toBe(401);
    await app.app.close();
  });
});

describe('every route of the product', () => {
  it('answers someone unknown only where it is public', async () => {
    const app = await open([]);
    const routes = app.app.get(AccessGuard).routes();
    expect(routes.length).toBeGreaterThan(2);
    for (const { method, path, policy } of routes) {
      const { status } = await app.ask(path.replaceAll(/:\w+/g, '0'), { method });
      // Anyone may call it, but has to be the bank, or Meta.
      const proves = path.startsWith('/api/v1/payments/webhooks/pix/') || path === '/api/v1/queues/whatsapp/webhook';
      expect([path, status === 401 || status === 403]).toEqual([path, proves || policy?.access !== 'public']);
    }
    await app.app.close();
  });
});
