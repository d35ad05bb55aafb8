import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import type { Tx } from '../database/transactions.js';
import { allJobs, type JobContract } from './contracts.js';

/** One run of one job, as its handler sees it. */
export interface JobRun {
  /** The row's id: the idempotency key for the outside world. */
  readonly id: string;
  /** Failures before this run. */
  readonly failures: number;
  /** Ends when the run's time is over. */
  readonly signal: AbortSignal;
  /**
   * Writes the effect and the end of the job in one transaction. A handler that never calls it had no effect
   * here and is ended when it returns. Throws where another run took over meanwhile.
   */
  commit(effect: (tx: Tx) => Promise<void>): Promise<void>;
}

export type Handler = (payload: unknown, run: JobRun) => Promise<void>;

/** Thrown by a handler that will never succeed: the job becomes a dead letter at once. */
export class JobHopeless extends Error {
  override readonly name = 'JobHopeless';
}

const HANDLES = Symbol('handles job');

/** Names the method that does a job. Each job has exactly one, which is proved at start. */
export const HandlesJob =
  <P>(job: JobContract<P>) =>
  <M extends (payload: P, run: JobRun) => Promise<void>>(
    _target: object,
    _name: string | symbol,
    method: TypedPropertyDescriptor<M>,
  ): void => {
    if (method.value) Reflect.defineMetadata(HANDLES, job.name, method.value);
  };

@Injectable()
export class Handlers implements OnModuleInit {
  private readonly table = new Map<string, Handler>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  of(job: string): Handler | undefined {
    return this.table.get(job);
  }

  onModuleInit(): void {
    const owners = new Map<string, string[]>();
    for (const { instance } of this.discovery.getProviders() as { instance: Record<string, Handler> | null | undefined }[]) {
      if (typeof instance !== 'object' || instance === null) continue;
      const prototype = Object.getPrototypeOf(instance) as object | null;
      if (prototype === null || prototype === Object.prototype) continue;
      for (const name of this.scanner.getAllMethodNames(prototype)) {
        const method = instance[name];
        const job = typeof method === 'function' ? this.reflector.get<string | undefined>(HANDLES, method) : undefined;
        if (job === undefined || method === undefined) continue;
        owners.set(job, [...(owners.get(job) ?? []), `${instance.constructor.name}.${name}`]);
        this.table.set(job, (payload, run) => method.call(instance, payload, run));
      }
    }
    proveOwners(allJobs(), owners);
  }
}

export function proveOwners(jobs: readonly { name: string }[], owners: ReadonlyMap<string, readonly string[]>): void {
  const faults = jobs
    .map(({ name }) => [name, owners.get(name) ?? []] as const)
    .filter(([, found]) => found.length !== 1)
    .map(([name, found]) => `job ${name} needs one handler, found ${found.join(', ') || 'none'}`);
  if (faults.length > 0) throw new Error(faults.join('; '));
}
