import type { Writable } from 'node:stream';

const MOST_WAITING = 1_000_000;
/** What a pipe takes whole or not at all (PIPE_BUF): several processes write to one, and more would come out in pieces of each. */
const WHOLE = 4_096;
const NEWLINE = 10;

/**
 * Lines to a stream that may stop reading. Pipes and sockets are written without blocking by Node;
 * what this adds is the bound: past it lines are dropped and counted, never kept and never waited for.
 */
export class LogSink {
  private lines = '';
  /** What is passed on at present, piece after piece. */
  private left: Buffer = Buffer.alloc(0);
  private written: (() => void)[] = [];
  private scheduled = false;
  private dropped = 0;

  constructor(private readonly stream: Writable) {
    // A reader that went away must not end the process.
    stream.on('error', () => undefined);
  }

  write(line: string): void {
    if (this.left.length + this.lines.length > MOST_WAITING) {
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
    if (this.left.length === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.written.push(() => {
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
    if (this.left.length > 0) return;
    this.left = Buffer.from(this.stream.destroyed ? '' : this.lines);
    this.lines = '';
    if (this.left.length > 0) this.passPiece();
    else for (const tell of this.written.splice(0)) tell();
  }

  /** One after the other: the stream would make one of those that wait. */
  private passPiece(): void {
    const whole = this.left.lastIndexOf(NEWLINE, WHOLE - 1) + 1 || this.left.indexOf(NEWLINE) + 1;
    this.stream.write(this.left.subarray(0, whole), () => {
      this.left = this.left.subarray(whole);
      if (this.left.length > 0 && !this.stream.destroyed) this.passPiece();
      else {
        this.left = Buffer.alloc(0);
        this.pass();
      }
    });
  }
}
