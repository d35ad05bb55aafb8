import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { Figures } from './figures.service.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';
import { DiskProbe, Machine, MemoryProbe } from './machine.probes.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsGuard } from './metrics.guard.js';
import { Probes } from './probes.js';
import { ProcessMeasures } from './process.measures.js';

@Module({
  imports: [TerminusModule.forRoot({ logger: false }), DiscoveryModule],
  controllers: [HealthController, MetricsController],
  providers: [Probes, HealthService, Machine, MemoryProbe, DiskProbe, ProcessMeasures, Figures, MetricsGuard],
  exports: [Figures],
})
export class HealthModule {}
