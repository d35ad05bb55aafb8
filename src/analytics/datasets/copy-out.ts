import { Readable } from 'node:stream';
import type { Connection, Submittable } from 'pg';

const [DATA, DONE, FAULT] = [0x64, 0x63, 0x45];
const HEADER = 5;
const PIECE = 131_072;

/**
 * The lines of a COPY. PostgreSQL sends each row as a message of its own; handed on one by one they would cost more than all else
 * that is done with them here, so that only their headers are left out of what came.
 */
export class CopyOut extends Readable implements Submittable {
  private connection: Connection | undefined;
  /** Who listens to the connection otherwise. */
  private owner: ((bytes: Buffer) => void) | undefined;
  private header: Buffer = Buffer.alloc(0);
  private left = 0;
  private isData = false;
  private piece: Buffer = Buffer.allocUnsafeSlow(PIECE);
  private filled = 0;

  constructor(private readonly sql: string) {
    super({ highWaterMark: PIECE });
  }

  submit(connection: Connection): void {
    const { stream } = connection;
    this.connection = connection;
    [this.owner] = stream.listeners('data') as [(bytes: Buffer) => void];
    stream.off('data', this.owner);
    stream.on('data', this.hear);
    connection.query(this.sql);
  }

  override _read(): void {
    this.connection?.stream.resume();
  }

  handleError(fault: Error): void {
    this.destroy(fault);
  }

  handleCommandComplete(): void {
    // Its lines have ended before.
  }

  handleReadyForQuery(): void {
    // The connection says so itself.
  }

  private readonly hear = (came: Buffer): void => {
    const bytes = this.header.length > 0 ? Buffer.concat([this.header, came]) : came;
    let at = 0;
    for (;;) {
      at = this.gather(bytes, at);
      if (this.left > 0 || bytes.length - at < HEADER) break;
      const kind = bytes[at];
      if (kind === DONE || kind === FAULT) return this.handBack(bytes.subarray(at), kind === DONE);
      this.isData = kind === DATA;
      this.left = bytes.readUInt32BE(at + 1) - HEADER + 1;
      at += HEADER;
    }
    this.header = bytes.subarray(at);
  };

  /** As much of the message as came. */
  private gather(bytes: Buffer, from: number): number {
    const to = Math.min(from + this.left, bytes.length);
    this.left -= to - from;
    for (let at = from; this.isData && at < to;) {
      const n = bytes.copy(this.piece, this.filled, at, to);
      at += n;
      this.filled += n;
      if (this.filled === PIECE) this.pass();
    }
    return to;
  }

  private pass(): void {
    if (!this.push(this.piece.subarray(0, this.filled))) this.connection?.stream.pause();
    this.piece = Buffer.allocUnsafeSlow(PIECE);
    this.filled = 0;
  }

  private handBack(bytes: Buffer, isWhole: boolean): void {
    const { connection, owner } = this;
    if (!connection || !owner) return;
    connection.stream.off('data', this.hear);
    connection.stream.on('data', owner);
    this.connection = undefined;
    if (isWhole) {
      if (this.filled > 0) this.pass();
      this.push(null);
    }
    owner(bytes);
    connection.stream.resume();
  }
}
