import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { type HealthProbe, Probe, ProbeDown } from '../observability/probe.js';

const MOST_MEMORY = 0.9;
const LEAST_DISK_BYTES = 200 * 1024 * 1024;

@Injectable()
@Probe({ name: 'memory', whenDown: 'degraded' })
export class MemoryProbe implements HealthProbe {
  async check(): Promise<Record<string, unknown>> {
    // A container's own limit, where there is one.
    const limit = process.constrainedMemory() || totalmem();
    const facts = { residentBytes: process.memoryUsage.rss(), limitBytes: Math.min(limit, totalmem()) };
    if (facts.residentBytes > facts.limitBytes * MOST_MEMORY)
      throw new ProbeDown('this process uses over 90 % of the memory there is', facts);
    return facts;
  }
}

@Injectable()
@Probe({ name: 'disk', whenDown: 'degraded' })
export class DiskProbe implements HealthProbe {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  async check(): Promise<Record<string, unknown>> {
    const own = this.config.embedded.postgres || this.config.embedded.redis;
    const { bavail, bsize, blocks } = await statfs(own ? this.config.DATA_DIR : '/');
    const facts = { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    if (facts.freeBytes < LEAST_DISK_BYTES) throw new ProbeDown('less than 200 MB of disk are left', facts);
    return facts;
  }
}
