import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectSafely } from 'node:tls';
import { gunzipSync } from 'node:zlib';

const END_OF_HEADERS = '\r\n\r\n';
const LAST_PIECE = Buffer.from('0\r\n\r\n');
const inPieces = /\r\ntransfer-encoding: chunked\r\n/i;
const lengthGiven = /\r\ncontent-length: (\d+)\r\n/i;

export interface Answered {
  status: number;
  /** Its first line and its headers. */
  head: string;
  /** As it travelled. */
  body: Buffer;
}

/** What was said, however it travelled. */
export function textOf({ head, body }: Answered): string {
  const whole = inPieces.test(head) ? joined(body) : body;
  return (/\r\ncontent-encoding: gzip\r\n/i.test(head) ? gunzipSync(whole) : whole).toString();
}

function joined(body: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const end = body.indexOf('\r\n', at);
    const length = parseInt(body.toString('latin1', at, end), 16);
    if (!(length > 0)) return Buffer.concat(pieces);
    pieces.push(body.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}

/**
 * One kept connection that is asked one thing after the other, and reads no more of an answer than it must:
 * so that it is the server that is measured and not the asking.
 */
export class Connection {
  private parts: Buffer[] = [];
  /** Bytes of the body that have not come; of one in pieces nobody knows. */
  private missing = -1;
  private head = '';
  private answered: ((answer: Answered) => void) | undefined;
  private failed: ((fault: Error) => void) | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly host: string,
    noAnswerMs: number,
  ) {
    if (noAnswerMs > 0) socket.setTimeout(noAnswerMs, () => this.failed?.(new Error('no answer')));
    socket.on('data', (bytes: Buffer) => this.hear(bytes));
    socket.on('error', (fault) => this.failed?.(fault));
    socket.on('end', () => this.failed?.(new Error('the connection was closed')));
  }

  static async to(address: string, noAnswerMs = 0): Promise<Connection> {
    const { port, hostname, host, protocol } = new URL(address);
    const isSafe = protocol === 'https:';
    const to = { host: hostname, port: Number(port || (isSafe ? 443 : 80)) };
    const socket = (isSafe ? connectSafely({ ...to, servername: hostname }) : connect(to)).setNoDelay();
    await once(socket, isSafe ? 'secureConnect' : 'connect');
    return new Connection(socket, host, noAnswerMs);
  }

  get isOpen(): boolean {
    return this.socket.readyState === 'open';
  }

  ask(method: 'GET' | 'POST', path: string, headers = '', body = ''): Promise<Answered> {
    this.parts = [];
    this.head = '';
    this.missing = -1;
    const about = body === '' ? '' : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
    return new Promise((resolve, reject) => {
      this.answered = resolve;
      this.failed = reject;
      this.socket.write(`${method} ${path} HTTP/1.1\r\nhost: ${this.host}\r\naccept-encoding: gzip\r\n${headers}${about}\r\n${body}`);
    });
  }

  close(): void {
    this.failed = undefined;
    this.socket.destroy();
  }

  private hear(bytes: Buffer): void {
    this.parts.push(bytes);
    if (this.head === '') {
      const start = bytes.indexOf(END_OF_HEADERS);
      const head = bytes.toString('latin1', 0, start + 2);
      const length = lengthGiven.exec(head)?.[1];
      if (start === -1 || (length === undefined && !inPieces.test(head))) return this.failed?.(new Error(`not understood: ${head}`));
      this.head = head;
      this.missing = length === undefined ? Number.NaN : Number(length) - (bytes.length - head.length - 2);
    } else this.missing -= bytes.length;
    const ended = Number.isNaN(this.missing) ? bytes.subarray(-LAST_PIECE.length).equals(LAST_PIECE) : this.missing <= 0;
    if (!ended) return;
    const [first] = this.parts;
    const whole = this.parts.length === 1 && first ? first : Buffer.concat(this.parts);
    this.answered?.({ status: Number(this.head.slice(9, 12)), head: this.head, body: whole.subarray(this.head.length + 2) });
  }
}
