import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { type HealthProbe, Probe, ProbeDown } from '../observability/probe.js';

const MOST_MEMORY = 0.9;
const LEAST_DISK_BYTES = 200 * 1024 * 1024;

/** What is read of the machine, apart from what is made of it. */
@Injectable()
export class Machine {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  memory(): { residentBytes: number; limitBytes: number } {
    // A container's own limit, where there is one; without, the kernel may tell a number beyond all memory.
    const limit = process.constrainedMemory() || totalmem();
    return { residentBytes: process.memoryUsage.rss(), limitBytes: Math.min(limit, totalmem()) };
  }

  async disk(): Promise<{ freeBytes: number; totalBytes: number }> {
    const own = this.config.embedded.postgres || this.config.embedded.redis;
    const { bavail, bsize, blocks } = await statfs(own ? this.config.DATA_DIR : '/');
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  }
}

@Injectable()
@Probe({ name: 'memory', whenDown: 'degraded' })
export class MemoryProbe implements HealthProbe {
  constructor(@Inject(Machine) private readonly machine: Pick<Machine, 'memory'>) {}

  async check(): Promise<Record<string, unknown>> {
    const facts = this.machine.memory();
    if (facts.residentBytes > facts.limitBytes * MOST_MEMORY)
      throw new ProbeDown('this process uses over 90 % of the memory there is', facts);
    return facts;
  }
}

@Injectable()
@Probe({ name: 'disk', whenDown: 'degraded' })
export class DiskProbe implements HealthProbe {
  constructor(@Inject(Machine) private readonly machine: Pick<Machine, 'disk'>) {}

  async check(): Promise<Record<string, unknown>> {
    const facts = await this.machine.disk();
    if (facts.freeBytes < LEAST_DISK_BYTES) throw new ProbeDown('less than 200 MB of disk are left', facts);
    return facts;
  }
}
