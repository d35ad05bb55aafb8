import { pino } from 'pino';
import { hide } from '../../src/observability/hiding.js';
import type { Log } from '../../src/observability/log.js';

export interface LogLine {
  level: number;
  msg: string;
  [fact: string]: unknown;
}

/** A log that keeps its lines, for those who ask what was told. */
export function recordedLog(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const hidden = {
    formatters: { log: (facts: object) => hide(facts) as Record<string, unknown> },
    serializers: { err: (facts: unknown) => facts },
  };
  const log = pino({ level: 'debug', ...hidden }, { write: (line: string) => lines.push(JSON.parse(line) as LogLine) });
  return { log: Object.assign(log, { settle: async () => undefined }), lines };
}
