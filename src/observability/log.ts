import { format } from 'node:util';
import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from '../config/config.js';
import { hide, scrub } from './hiding.js';
import { traceFacts } from './trace.js';
import { LogSink } from './log-sink.js';

/** What is told of a request; its path has been looked through. */
export interface RequestFacts {
  requestId: string;
  traceId: string;
  method: string;
  path: string;
  status: number;
  ms: number;
}

/** No `child`: what is bound to one goes past the hiding. */
export interface Log extends Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> {
  /** The one line of a request, which needs no looking through and is written a thousand times a second. */
  request(level: 'debug' | 'info', facts: RequestFacts): void;
  /** The one line that shows a password: made at random, of the first admin, told at any level as nobody else knows it. */
  adminCreated(email: string, password: string): void;
  /** Writes what waits, for at most a moment; before the process ends. */
  settle(): Promise<void>;
}

/** JSON lines on stdout; in a terminal, the same for people. */
export function createLog(config: Pick<Config, 'LOG_LEVEL' | 'DEBUG'>, part: string): Log {
  const sink = new LogSink(process.stdout);
  const level = config.DEBUG && config.LOG_LEVEL === 'info' ? 'debug' : config.LOG_LEVEL;
  const log = logTo(process.stdout.isTTY ? inTerminal(sink) : sink, level, part);
  return Object.assign(log, { settle: () => sink.flush() });
}

export function logTo(out: DestinationStream, level: string, part: string): Omit<Log, 'settle'> {
  const log = pino({ level, base: { pid: process.pid, part }, timestamp, ...careful }, out);
  const speaks = { debug: log.isLevelEnabled('debug'), info: log.isLevelEnabled('info') };
  const who = `,"pid":${process.pid},"part":${JSON.stringify(part)}`;
  return Object.assign(log, {
    adminCreated: (email: string, password: string) =>
      out.write(`{"level":"info"${timestamp()}${who},"email":${JSON.stringify(email)},"password":"${password}","msg":"admin created"}\n`),
    // By hand, as pino takes a tenth of a small request for it. Ids and methods hold nothing that needs escaping.
    request: (of: 'debug' | 'info', { requestId, traceId, method, path, status, ms }: RequestFacts) => {
      if (speaks[of])
        out.write(
          `{"level":"${of}"${timestamp()}${who},"requestId":"${requestId}","traceId":"${traceId}","method":"${method}",` +
            `"path":${JSON.stringify(path)},"status":${status},"ms":${ms},"msg":"request"}\n`,
        );
    },
  });
}

let moment = 0;
let told = '';
// Many lines share their millisecond.
const timestamp = () => {
  const now = Date.now();
  if (now !== moment) told = `,"time":"${new Date((moment = now)).toISOString()}"`;
  return told;
};

const named = (label: string) => ({ level: label });

/** How a line is made: with its trace, without what must not be shown. */
const careful: LoggerOptions = {
  // Assigned, not spread: two spreads make V8 keep a new hidden class for each line, a kilobyte of slow memory.
  formatters: { level: named, log: (facts) => Object.assign(traceFacts(), readable(facts)) },
  // Errors are turned into facts by `hide`, which also knows what must not be shown.
  serializers: { err: (facts: unknown) => facts },
  hooks: {
    logMethod(args: unknown[], method) {
      const [facts, words] = isObject(args[0]) ? [args[0], args.slice(1)] : [{}, args];
      const known = facts instanceof Error ? { err: facts } : facts;
      // Said in full before it is looked through: `Bearer %s` is harmless only in two pieces.
      const said = words.length > 0 ? format(...words.map((word) => readable({ word }).word)) : messageOf(known.err);
      method.apply(this, [known, said && scrub(said)] as Parameters<typeof method>);
    },
  },
};

/** For people; and even a terminal that was stopped with Ctrl-S is not waited for. */
function inTerminal(sink: LogSink): { write(line: string): void } {
  const { _handle } = process.stdout as { _handle?: { setBlocking?(on: boolean): void } };
  _handle?.setBlocking?.(false);
  const format = pretty.prettyFactory({ colorize: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' });
  return { write: (line) => sink.write(format(line)) };
}

const isObject = (value: unknown): value is { err?: unknown } => typeof value === 'object' && value !== null;

const messageOf = (error: unknown) => (error instanceof Error ? error.message : undefined);

/** What is logged may throw when it is looked at; logging does not. */
function readable(facts: object): Record<string, unknown> {
  try {
    return hide(facts) as Record<string, unknown>;
  } catch (cause) {
    return { unreadable: scrub(String(cause)) };
  }
}
