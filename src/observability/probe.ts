import { DiscoveryService } from '@nestjs/core';

/** What the owner of a dependency tells about it. */
export interface ProbeFacts {
  name: string;
  /** `error`: the system cannot serve without it. `degraded`: it serves, with less. */
  whenDown: 'error' | 'degraded';
}

export interface HealthProbe {
  /** Facts that are safe to show to anyone; throws where the dependency is down. */
  check(): Promise<Record<string, unknown>>;
  /** A reason why this process must get no traffic, beyond being down. */
  unready?(): string | undefined;
}

/** A reason for being down that is safe to show to anyone. */
export class ProbeDown extends Error {
  override readonly name = 'ProbeDown';
  constructor(
    message: string,
    readonly facts: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

export const Probe = DiscoveryService.createDecorator<ProbeFacts>();
