import { logTo, type Log } from '../../src/observability/log.js';

export interface LogLine {
  level: string;
  msg: string;
  [fact: string]: unknown;
}

/** A log that keeps its lines, for those who ask what was told. */
export function recordedLog(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const log = logTo({ write: (line: string) => lines.push(JSON.parse(line) as LogLine) }, 'debug', 'recorded');
  return { log: Object.assign(log, { settle: async () => undefined }), lines };
}
