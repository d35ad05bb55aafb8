import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { newId } from '../kernel/ids.js';
import { problems, Refusal, type ProblemCode } from '../kernel/problems.js';
import type { Log } from '../observability/log.js';
import { Answer, guardingLines, USUAL } from './answer.js';
import { PROBLEM_TYPE, problemOf, refused } from './problem.js';
import type { Requests } from './requests.js';

const codes: Partial<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'too_slow',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
};

/** The answer under way, which Node's own way with such a fault asks for, too. */
interface Occupied {
  _httpMessage?: ServerResponse | null;
}

/** For what never became a request, or not all of it: too slow, too large or no HTTP at all. */
export function refusesConnections(
  log: Log,
  requests: Requests,
  production: boolean,
): (fault: Error & { code?: string }, socket: Socket) => void {
  const lines = guardingLines(production) + USUAL;
  return (fault, socket) => {
    const code = codes[fault.code ?? ''] ?? 'bad_request';
    const { _httpMessage: answer } = socket as Occupied;
    const isGone = fault.code === 'ECONNRESET' || !socket.writable || (answer && fault.code === 'HPE_INVALID_EOF_STATE');
    if (isGone || answer?.headersSent) socket.destroySoon();
    // Whoever reads the body passes this on, so that it is answered like any other request.
    else if (answer && answer.req.listenerCount('error') > 0) answer.req.emit('error', new Refusal(code));
    else {
      const { status } = problems[code];
      requests.unread(status);
      log.info({ requestId: end(socket, code, lines), status }, 'request');
    }
  };
}

/** What Node would answer by itself, without a word, or not at all, is a request like any other. */
export function admitOddities(server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, answer: ServerResponse) => server.emit('request', request, answer));
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    const answer = new Answer(request);
    answer.assignSocket(socket);
    answer.shouldKeepAlive = false;
    answer.on('finish', () => socket.destroySoon());
    socket.on('error', () => undefined);
    server.emit('request', request, answer);
  });
}

/** As many as nobody sends who waits for an answer now and then. */
const MOST_AHEAD = 100;
const ahead = new WeakMap<Socket, number>();

/**
 * Whether it comes on a connection that was cut off, or is cut off now, as more was sent ahead on it than anyone may: thousands of
 * requests in one piece would all be begun before anybody else is heard.
 */
export function isFlood(socket: Socket, answer: ServerResponse): boolean {
  if (socket.destroyed) return true;
  // An answer has its connection when it is its turn.
  if (answer.socket !== null) return false;
  const count = (ahead.get(socket) ?? 0) + 1;
  ahead.set(socket, count);
  if (count === 1) setImmediate(() => ahead.delete(socket));
  if (count > MOST_AHEAD) socket.destroy();
  return count > MOST_AHEAD;
}

/** Under which id it was told. */
function end(socket: Socket, code: ProblemCode, lines: string): string {
  const id = newId();
  const { status } = problems[code];
  const body = JSON.stringify(problemOf(refused(code), id));
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  // Who cannot hear it any more is gone already.
  socket.on('error', () => undefined);
  socket.end(`${head}X-Request-Id: ${id}\r\n${lines}Connection: close\r\n\r\n${body}`, () => socket.destroySoon());
  return id;
}
