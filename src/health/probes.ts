import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { HealthCheckService, type HealthCheckResult, HealthIndicatorService } from '@nestjs/terminus';
import { type HealthProbe, Probe } from '../observability/probe.js';
import { SharedProbe } from './shared-probe.js';

export interface ProbeReport extends Pick<HealthCheckResult, 'info' | 'error' | 'details'> {
  status: 'ok' | 'degraded' | 'error';
}

/** Finds the probes that owners of dependencies brought and asks all of them at once. */
@Injectable()
export class Probes implements OnModuleInit {
  private owned: SharedProbe[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
  ) {}

  onModuleInit(): void {
    this.owned = this.discovery.getProviders({ metadataKey: Probe.KEY }).flatMap((wrapper) => {
      const facts = this.discovery.getMetadataByDecorator(Probe, wrapper);
      return facts ? [new SharedProbe(facts, wrapper.instance as HealthProbe)] : [];
    });
  }

  async report(): Promise<ProbeReport> {
    const { info, error, details } = await this.ask(this.owned);
    const down = this.owned.filter(({ name }) => error && name in error);
    const status = down.some(({ isVital }) => isVital) ? 'error' : down.length > 0 ? 'degraded' : 'ok';
    return { status, info, error, details };
  }

  /** What keeps this process from serving at all. */
  async unready(): Promise<string[]> {
    const vital = this.owned.filter(({ isVital }) => isVital);
    const choosy = this.owned.filter((one) => !one.isVital && one.mayBeUnready);
    // The choosy know by their last answer, so they are asked for a fresh one, which may well be that they are down.
    const { error } = await this.ask([...vital, ...choosy]);
    const away = vital.filter(({ name }) => error && name in error).map(({ name }) => `${name}: ${String(error?.[name]?.message)}`);
    return [...away, ...this.owned.flatMap((one) => one.unready() ?? [])];
  }

  private async ask(owned: readonly SharedProbe[]): Promise<HealthCheckResult> {
    try {
      return await this.health.check(
        owned.map((one) => async () => {
          const { up, facts } = await one.ask();
          const indicator = this.indicators.check(one.name);
          return up ? indicator.up(facts) : indicator.down(facts);
        }),
      );
    } catch (fault) {
      // Terminus throws its report where anything is down.
      return (fault as { getResponse(): HealthCheckResult }).getResponse();
    }
  }
}
