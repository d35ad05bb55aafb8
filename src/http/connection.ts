import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { newId } from '../kernel/ids.js';
import { problems, Refusal, type ProblemCode } from '../kernel/problems.js';
import { PROBLEM_TYPE, problemOf, refused } from './problem.js';

const codes: Partial<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'too_slow',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
};

/** The answer under way, which Node's own way with such a fault asks for, too. */
interface Occupied {
  _httpMessage?: ServerResponse | null;
}

/** For what never became a request, or not all of it: too slow, too large or no HTTP at all. */
export function refuseConnection(fault: Error & { code?: string }, socket: Socket): void {
  const code = codes[fault.code ?? ''] ?? 'bad_request';
  const { _httpMessage: answer } = socket as Occupied;
  const isGone = fault.code === 'ECONNRESET' || !socket.writable || (answer && fault.code === 'HPE_INVALID_EOF_STATE');
  if (isGone || answer?.headersSent) socket.destroySoon();
  // Whoever reads the body passes this on, so that it is answered like any other request.
  else if (answer && answer.req.listenerCount('error') > 0) answer.req.emit('error', new Refusal(code));
  else end(socket, code);
}

/** What Node would answer by itself, without a word, or not at all. */
export function refuseOddities(server: Server): void {
  server.on('connect', (_request: IncomingMessage, socket: Socket) => end(socket, 'not_found', 'This is no proxy.'));
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const { status, headers, body } = answer('expectation_failed');
    response.writeHead(status, headers).end(body);
  });
}

function end(socket: Socket, code: ProblemCode, detail?: string): void {
  const { status, headers, body } = answer(code, detail);
  const lines = Object.entries({ ...headers, Connection: 'close' }).map(([name, value]) => `${name}: ${value}`);
  // Who cannot hear it any more is gone already.
  socket.on('error', () => undefined);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroySoon());
}

function answer(code: ProblemCode, detail?: string) {
  const id = newId();
  const body = JSON.stringify(problemOf(refused(code, detail), id));
  const headers = { 'Content-Type': PROBLEM_TYPE, 'Content-Length': String(Buffer.byteLength(body)), 'X-Request-Id': id };
  return { status: problems[code].status, headers, body };
}
