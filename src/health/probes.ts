import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { HealthCheckService, type HealthCheckResult, HealthIndicatorService } from '@nestjs/terminus';
import { DeadlinePassed, within } from '../kernel/waiting.js';
import { type HealthProbe, Probe, ProbeDown, type ProbeFacts } from '../observability/probe.js';

const DEADLINE_MS = 1_000;

interface Owned {
  facts: ProbeFacts;
  probe: HealthProbe;
}

export interface ProbeReport extends Pick<HealthCheckResult, 'info' | 'error' | 'details'> {
  status: 'ok' | 'degraded' | 'error';
}

/** Finds the probes that owners of dependencies brought and asks all of them at once, none for longer than a second. */
@Injectable()
export class Probes implements OnModuleInit {
  private owned: Owned[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
  ) {}

  onModuleInit(): void {
    this.owned = this.discovery.getProviders({ metadataKey: Probe.KEY }).flatMap((wrapper) => {
      const facts = this.discovery.getMetadataByDecorator(Probe, wrapper);
      return facts ? [{ facts, probe: wrapper.instance as HealthProbe }] : [];
    });
  }

  async report(): Promise<ProbeReport> {
    const { info, error, details } = await this.ask(this.owned);
    const down = this.owned.filter(({ facts }) => error && facts.name in error);
    const status = down.some(({ facts }) => facts.whenDown === 'error') ? 'error' : down.length > 0 ? 'degraded' : 'ok';
    return { status, info, error, details };
  }

  /** What keeps this process from serving at all. */
  async unready(): Promise<string[]> {
    const { error } = await this.ask(this.owned.filter(({ facts }) => facts.whenDown === 'error'));
    const away = Object.entries(error ?? {}).map(([name, facts]) => `${name}: ${String(facts?.message)}`);
    return [...away, ...this.owned.flatMap(({ probe }) => probe.unready?.() ?? [])];
  }

  private async ask(owned: readonly Owned[]): Promise<HealthCheckResult> {
    try {
      return await this.health.check(owned.map((one) => () => this.one(one)));
    } catch (fault) {
      // Terminus throws its report where anything is down.
      return (fault as { getResponse(): HealthCheckResult }).getResponse();
    }
  }

  private async one({ facts: { name }, probe }: Owned) {
    const indicator = this.indicators.check(name);
    try {
      return indicator.up(await within(DEADLINE_MS, name, probe.check()));
    } catch (fault) {
      return indicator.down(fault instanceof ProbeDown ? { message: fault.message, ...fault.facts } : { message: plainly(fault) });
    }
  }
}

// Error texts of drivers name hosts and users; the code says enough.
function plainly(fault: unknown): string {
  if (fault instanceof DeadlinePassed) return `no answer within ${DEADLINE_MS} ms`;
  const code = (fault as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? `failed with ${code}` : 'does not answer';
}
