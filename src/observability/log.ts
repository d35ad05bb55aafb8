import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from '../config/config.js';
import { hide, scrub } from './hiding.js';
import { LogSink } from './log-sink.js';

export interface Log extends Logger {
  /** Writes what waits, for at most a moment; before the process ends. */
  settle(): Promise<void>;
}

/** JSON lines on stdout; in a terminal, the same for people. */
export function createLog(config: Pick<Config, 'LOG_LEVEL' | 'DEBUG'>, part: string): Log {
  const sink = new LogSink(process.stdout);
  const level = config.DEBUG && config.LOG_LEVEL === 'info' ? 'debug' : config.LOG_LEVEL;
  const log = pino(
    {
      level,
      base: { pid: process.pid, part },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (facts) => hide(facts) as Record<string, unknown>,
      },
      // Errors are turned into facts by `hide`, which also knows what must not be shown.
      serializers: { err: (facts: unknown) => facts },
      hooks: {
        logMethod(args, method) {
          const hidden = args.map((arg) =>
            typeof arg === 'string' ? scrub(arg) : arg instanceof Error ? { err: arg, msg: scrub(arg.message) } : arg,
          );
          method.apply(this, hidden as typeof args);
        },
      },
    },
    process.stdout.isTTY ? pretty({ colorize: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }) : sink,
  );
  return Object.assign(log, { settle: () => sink.flush() });
}
