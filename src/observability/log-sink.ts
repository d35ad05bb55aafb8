import type { Writable } from 'node:stream';

const MOST_WAITING = 1_000_000;

/**
 * Lines to a stream that may stop reading. Pipes and sockets are written without blocking by Node;
 * what this adds is the bound: past it lines are dropped and counted, never kept and never waited for.
 */
export class LogSink {
  private lines = '';
  private scheduled = false;
  private dropped = 0;

  constructor(private readonly stream: Writable) {
    // A reader that went away must not end the process.
    stream.on('error', () => undefined);
  }

  write(line: string): void {
    if (this.stream.writableLength + this.lines.length > MOST_WAITING) {
      this.dropped += 1;
      return;
    }
    this.tellDropped();
    this.lines += line;
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.pass());
  }

  /** Resolves when all is written, or when the reader has stood still for `ms`. */
  async flush(ms = 300): Promise<void> {
    this.tellDropped();
    this.pass();
    if (this.stream.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.stream.write('', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private tellDropped(): void {
    if (this.dropped === 0) return;
    const facts = {
      level: 'warn',
      time: new Date().toISOString(),
      msg: 'log lines dropped, the reader stood still',
      dropped: this.dropped,
    };
    this.lines += `${JSON.stringify(facts)}\n`;
    this.dropped = 0;
  }

  private pass(): void {
    this.scheduled = false;
    if (this.lines === '' || this.stream.destroyed) return;
    const lines = this.lines;
    this.lines = '';
    this.stream.write(lines);
  }
}
