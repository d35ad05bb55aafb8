import cluster from 'node:cluster';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { Refusal } from '../kernel/problems.js';
import { DeadlinePassed, within } from '../kernel/waiting.js';
import { added, type Family, type FiguresAsked, type FiguresTold, type Gathered, gauge } from '../observability/figures.js';
import { type Measure, Measures } from '../observability/measures.js';

const MEASURE_MS = 400;
/** Longer than the supervisor waits for the others. */
const GATHER_MS = 1_500;
const ALONE = '1';

/** Finds what owners measure, and what all processes of this system measured together. */
@Injectable()
export class Figures implements OnModuleInit, OnApplicationShutdown {
  private sources: { of: 'process' | 'system'; source: Measure }[] = [];
  private gathering: Promise<Gathered> | undefined;
  private gathered: ((gathered: Gathered) => void) | undefined;

  constructor(private readonly discovery: DiscoveryService) {}

  onModuleInit(): void {
    this.sources = this.discovery.getProviders({ metadataKey: Measures.KEY }).flatMap((wrapper) => {
      const of = this.discovery.getMetadataByDecorator(Measures, wrapper);
      return of ? [{ of, source: wrapper.instance as Measure }] : [];
    });
    if (cluster.isWorker) process.on('message', this.told);
  }

  /** After the last request: what was counted since it was asked last would be lost. */
  async onApplicationShutdown(): Promise<void> {
    process.off('message', this.told);
    if (!cluster.isWorker || !process.connected) return;
    const families = await this.own(false);
    await new Promise<void>((resolve) =>
      process.send?.({ kind: 'last figures', families } satisfies FiguresTold, undefined, undefined, () => resolve()),
    );
  }

  async all(): Promise<Family[]> {
    const { parts, asked, silent } = await this.gather();
    const processes = [[{ state: 'answered' }, asked - silent] as const, [{ state: 'silent' }, silent] as const];
    return [...added(parts), gauge('mutirao_processes', 'Processes that told of themselves, and those that did not in time', processes)];
  }

  private async gather(): Promise<Gathered> {
    if (!cluster.isWorker) return { parts: [{ process: ALONE, families: await this.own(true) }], asked: 1, silent: 0 };
    this.gathering ??= new Promise<Gathered>((resolve) => {
      this.gathered = resolve;
      say({ kind: 'gather' });
    }).finally(() => (this.gathering = undefined));
    return within(GATHER_MS, 'supervisor', this.gathering).catch((fault: unknown) => {
      this.gathering = undefined;
      throw fault instanceof DeadlinePassed ? new Refusal('dependency_down', 'The other processes do not answer.') : fault;
    });
  }

  /** Of this process. What cannot be measured now is left out. */
  private async own(system: boolean): Promise<Family[]> {
    const wanted = this.sources.filter(({ of }) => system || of === 'process');
    const measured = await Promise.all(
      wanted.map(({ source }) => within(MEASURE_MS, 'figures', Promise.resolve(source.measure())).catch((): readonly Family[] => [])),
    );
    return measured.flat();
  }

  private readonly told = (message: FiguresAsked): void => {
    if (message.kind === 'measured') this.gathered?.(message);
    if (message.kind === 'measure')
      void this.own(message.system).then((families) => say({ kind: 'figures', round: message.round, families }));
  };
}

/** A supervisor that is gone by now is told nothing. */
const say = (message: FiguresTold) => process.connected && process.send?.(message, undefined, undefined, () => undefined);
