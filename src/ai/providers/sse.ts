const DONE = '[DONE]';

/** An event that is longer than anybody wants. */
export class TooLong extends Error {
  override readonly name = 'TooLong';
}

/** Takes the bytes of a stream of events as they come, and gives the data of each event that is whole. */
export class SseParser {
  // Also takes away the mark of byte order at the very beginning.
  private readonly decoder = new TextDecoder();
  private line = '';
  private data: string[] = [];
  private bytesOfLine = 0;
  private bytesOfData = 0;
  private afterReturn = false;

  constructor(private readonly mostBytes: number) {}

  push(chunk: Uint8Array): string[] {
    const decoded = this.decoder.decode(chunk, { stream: true });
    if (decoded === '') return [];
    // CR and LF in two chunks are one end of a line.
    const text = this.afterReturn && decoded.startsWith('\n') ? decoded.slice(1) : decoded;
    this.afterReturn = decoded.endsWith('\r');
    const parts = text.split(/\r\n|\r|\n/);
    const rest = parts.pop()!;
    const events = parts.flatMap((part) => {
      this.grow(part);
      return this.endLine() ?? [];
    });
    this.grow(rest);
    return events;
  }

  /** What was not ended by an empty line, as some leave out the last one. */
  end(): string[] {
    return this.push(Buffer.from('\n\n'));
  }

  /** Before the end of a line is known, so that a line without end is not kept. */
  private grow(part: string): void {
    this.bytesOfLine += Buffer.byteLength(part);
    if (this.bytesOfLine + this.bytesOfData > this.mostBytes) throw new TooLong(`an event of more than ${this.mostBytes} bytes`);
    this.line += part;
  }

  /** The data of an event, where this line ended one. */
  private endLine(): string | undefined {
    const { line, data, bytesOfLine } = this;
    this.line = '';
    this.bytesOfLine = 0;
    const [, value] = /^data(?:: ?|$)(.*)$/su.exec(line) ?? [];
    if (value !== undefined) {
      data.push(value);
      this.bytesOfData += bytesOfLine;
    }
    if (line !== '' || data.length === 0) return undefined;
    this.data = [];
    this.bytesOfData = 0;
    return data.join('\n');
  }
}

/** The data of one event after the other up to the last one, which is told of by `true`. Reads no more than it is asked for. */
export async function* eventsOf(chunks: AsyncIterable<Uint8Array>, mostBytes: number): AsyncGenerator<string, boolean, void> {
  const parser = new SseParser(mostBytes);
  for await (const chunk of chunks) {
    for (const data of parser.push(chunk)) {
      if (data === DONE) return true;
      yield data;
    }
  }
  for (const data of parser.end()) {
    if (data === DONE) return true;
    yield data;
  }
  return false;
}
