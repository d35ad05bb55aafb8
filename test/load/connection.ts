import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const END_OF_HEADERS = '\r\n\r\n';
const lengthGiven = /\r\ncontent-length: (\d+)\r\n/i;

export interface Answered {
  status: number;
  body: Buffer;
}

/**
 * One kept connection that is asked one thing after the other, and reads no more of an answer than it must:
 * so that it is the server that is measured and not the asking.
 */
export class Connection {
  private parts: Buffer[] = [];
  private missing = -1;
  private status = 0;
  private head = 0;
  private answered: ((answer: Answered) => void) | undefined;
  private failed: ((fault: Error) => void) | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly host: string,
  ) {
    socket.on('data', (bytes: Buffer) => this.hear(bytes));
    socket.on('error', (fault) => this.failed?.(fault));
    socket.on('end', () => this.failed?.(new Error('the connection was closed')));
  }

  static async to(address: string): Promise<Connection> {
    const { port, hostname, host } = new URL(address);
    const socket = connect(Number(port), hostname).setNoDelay();
    await once(socket, 'connect');
    return new Connection(socket, host);
  }

  ask(method: 'GET' | 'POST', path: string, headers = '', body = ''): Promise<Answered> {
    this.parts = [];
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
    if (this.missing === -1) {
      const start = bytes.indexOf(END_OF_HEADERS);
      const headers = bytes.toString('latin1', 0, start + 2);
      const length = lengthGiven.exec(headers)?.[1];
      if (start === -1 || length === undefined) return this.failed?.(new Error(`not understood: ${headers}`));
      this.status = Number(headers.slice(9, 12));
      this.head = start + END_OF_HEADERS.length;
      this.missing = Number(length) - (bytes.length - this.head);
    } else this.missing -= bytes.length;
    if (this.missing > 0) return;
    const [first] = this.parts;
    const whole = this.parts.length === 1 && first ? first : Buffer.concat(this.parts);
    this.answered?.({ status: this.status, body: whole.subarray(this.head) });
  }
}
