import type { IncomingMessage } from 'node:http';
import { boundaryOf, MOST_PART_HEAD_BYTES, namesIn, unreadable } from './form-heads.js';
import { Refusal } from '../kernel/problems.js';
import { broken, tooLong } from './uploads.js';

const MOST_PARTS = 16;
const NOTHING = Buffer.alloc(0);

/** One field of a form that is still on its way. Whoever wants its bytes takes them before he asks for the next. */
export interface ComingPart {
  name: string;
  isFile: boolean;
  bytes: AsyncGenerator<Buffer, void, void>;
}

/** The fields of a form in the order in which they come; no more of it is held than came at once. */
export async function* comingParts(raw: IncomingMessage, type: string, mostBytes: number): AsyncGenerator<ComingPart, void, void> {
  const line = Buffer.from(`\r\n--${boundaryOf(type)}`);
  const body = new ComingBody(raw, mostBytes);
  try {
    await body.begin(line.subarray(2));
    for (let count = 1; (await body.exactly(2)) !== '--'; count += 1) {
      if (count > MOST_PARTS) throw new Refusal('too_large', `Send at most ${MOST_PARTS} fields.`);
      const { name, filename } = namesIn(await body.head());
      const bytes = body.until(line);
      yield { name, isFile: filename !== undefined, bytes };
      // What nobody wanted is passed over.
      for await (const _ of bytes);
    }
  } finally {
    await body.end();
  }
}

class ComingBody {
  private readonly coming: AsyncIterator<Buffer>;
  private held: Buffer = NOTHING;
  private came = 0;

  constructor(
    private readonly raw: IncomingMessage,
    private readonly mostBytes: number,
  ) {
    // Whoever has left already is not heard of any more.
    if (raw.destroyed) throw broken();
    this.coming = raw.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  /** What still comes is thrown away. */
  async end(): Promise<void> {
    await this.coming.return?.();
    this.raw.resume();
  }

  async begin(boundary: Buffer): Promise<void> {
    while (this.held.length < boundary.length && (await this.more()));
    if (!this.held.subarray(0, boundary.length).equals(boundary)) throw unreadable('it does not begin with its boundary');
    this.held = this.held.subarray(boundary.length);
  }

  async exactly(bytes: number): Promise<string> {
    while (this.held.length < bytes) await this.mustGoOn();
    const text = this.held.toString('latin1', 0, bytes);
    if (text !== '--' && text !== '\r\n') throw unreadable('a part of it is not whole');
    this.held = this.held.subarray(bytes);
    return text;
  }

  async head(): Promise<string> {
    for (;;) {
      const at = this.held.subarray(0, MOST_PART_HEAD_BYTES).indexOf('\r\n\r\n');
      if (at >= 0) {
        const head = this.held.toString('utf8', 0, at);
        this.held = this.held.subarray(at + 4);
        return head;
      }
      if (this.held.length >= MOST_PART_HEAD_BYTES) throw unreadable('the head of a part is too long');
      await this.mustGoOn();
    }
  }

  async *until(mark: Buffer): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      const at = this.held.indexOf(mark);
      const upTo = at >= 0 ? at : this.held.length - mark.length + 1;
      const bytes = this.held.subarray(0, Math.max(0, upTo));
      this.held = this.held.subarray(at >= 0 ? at + mark.length : bytes.length);
      if (bytes.length > 0) yield bytes;
      if (at >= 0) return;
      await this.mustGoOn();
    }
  }

  private async mustGoOn(): Promise<void> {
    if (!(await this.more())) throw unreadable('a part of it is not whole');
  }

  private async more(): Promise<boolean> {
    const next = await this.coming.next().catch(() => {
      throw broken();
    });
    if (next.done) return false;
    this.came += next.value.length;
    if (this.came > this.mostBytes) throw tooLong(this.mostBytes);
    this.held = this.held.length === 0 ? next.value : Buffer.concat([this.held, next.value]);
    return true;
  }
}
