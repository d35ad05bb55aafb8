import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { poolFigures } from '../database/pool.js';
import { Cache } from '../http/cache/cache.service.js';
import { Probes } from './probes.js';
import { version } from './version.js';

@Injectable()
export class HealthService {
  constructor(
    private readonly probes: Probes,
    private readonly db: DataSource,
    private readonly cache: Cache,
  ) {}

  unready(): Promise<string[]> {
    return this.probes.unready();
  }

  async report() {
    const report = await this.probes.report();
    const { rss, heapUsed } = process.memoryUsage();
    return {
      ...report,
      uptimeSeconds: Math.round(process.uptime()),
      version,
      memory: { residentBytes: rss, heapUsedBytes: heapUsed },
      connections: poolFigures(this.db),
      cache: { ...this.cache.figures, status: report.details.redis?.cache === 'up' ? 'up' : 'down' },
    };
  }
}
