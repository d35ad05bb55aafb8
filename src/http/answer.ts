import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

/** What an answer may do in a browser: nothing. */
const guarding = ['X-Content-Type-Options: nosniff', 'X-Frame-Options: DENY', 'Referrer-Policy: no-referrer'];
const throughTls = 'Strict-Transport-Security: max-age=31536000; includeSubDomains';
// These two hold unless the route says otherwise: what does not say that it may be kept is kept nowhere.
const POLICY = "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";
const CONTROL = 'Cache-Control: no-store\r\n';
export const USUAL = POLICY + CONTROL;

export const guardingLines = (production: boolean): string => [...guarding, ...(production ? [throughTls] : []), ''].join('\r\n');

interface Inside {
  _storeHeader(first: string, headers?: object | null): void;
}
const plain = ServerResponse.prototype as unknown as Inside;

/** The largest body that is read, or thrown away for a connection's sake. */
export const BODY_BYTES = 1_048_576;

/** Whether a body may go on for ever behind its answer. A request without any may not be complete yet when it is answered. */
const bringsMore = ({ complete, headers }: IncomingMessage): boolean =>
  !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > BODY_BYTES);

const LINGER_MS = 2_000;

/** Who is still sending would lose the answer with the connection: it is read on for a moment, and thrown away. */
function lingers(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}

/**
 * Carries lines that we made ourselves past Node's checks of each name and value, which for the dozen that
 * every answer has were a fifth of a small request's cost.
 */
export class Answer<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> implements Inside {
  /** Complete lines. */
  firm = '';
  limits = '';
  /** Of the tightest limit told so far. */
  remaining = Infinity;
  /** Whether its connection ends with it. */
  isLast?: () => boolean;

  _storeHeader(first: string, headers?: object | null): void {
    const says = headers ?? {};
    const more = bringsMore(this.req);
    if (more || this.isLast?.()) this.shouldKeepAlive = false;
    if (more) lingers(this.req.socket);
    const policy = 'content-security-policy' in says ? '' : POLICY;
    const control = 'cache-control' in says ? '' : CONTROL;
    plain._storeHeader.call(this, first + this.firm + this.limits + policy + control, headers);
  }
}

export const answerOf = (reply: FastifyReply): Answer => reply.raw as Answer;
