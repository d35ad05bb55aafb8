import type { LoggerService } from '@nestjs/common';
import type { Log } from './log.js';

/** Nest's own words in our format; its start-up chatter is kept for debugging. */
export class NestLogger implements LoggerService {
  constructor(private readonly out: Log) {}
  log(message: unknown, ...rest: unknown[]): void {
    this.out.debug({ context: rest.at(-1) }, String(message));
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.log(message, ...rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.log(message, ...rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.out.warn({ context: rest.at(-1) }, String(message));
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.out.error(message instanceof Error ? { err: message } : { context: rest.at(-1), stack: rest[0] }, String(message));
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.error(message, ...rest);
  }
}
