import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';
import { DiskProbe, Machine, MemoryProbe } from './machine.probes.js';
import { Probes } from './probes.js';

@Module({
  imports: [TerminusModule.forRoot({ logger: false }), DiscoveryModule],
  controllers: [HealthController],
  providers: [Probes, HealthService, Machine, MemoryProbe, DiskProbe],
})
export class HealthModule {}
