import { pino } from 'pino';
import { logOptions, type Log } from '../../src/observability/log.js';

export interface LogLine {
  level: string;
  msg: string;
  [fact: string]: unknown;
}

/** A log that keeps its lines, for those who ask what was told. */
export function recordedLog(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const log = pino(logOptions('debug', 'recorded'), { write: (line: string) => lines.push(JSON.parse(line) as LogLine) });
  return { log: Object.assign(log, { settle: async () => undefined }), lines };
}
