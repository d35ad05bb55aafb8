import { isUtf8 } from 'node:buffer';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from '../kernel/problems.js';

const MOST_LEVELS = 32;
/** To read and to refuse sixty thousand takes a tenth of a second, in which nobody else is served. */
const MOST_NAMES = 10_000;

const [QUOTE, ESCAPE, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST, NAMES] = ['"', '\\', '{', '}', '[', ']', ':'].map((sign) => sign.charCodeAt(0));

/** What of it is more than is read. Looks at signs alone, before anything recursive touches the text. */
export function excessOf(body: Buffer): 'body_too_deep' | 'too_many_fields' | undefined {
  let level = 0;
  let names = 0;
  let quoted = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (quoted) {
      if (byte === ESCAPE) at += 1;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === OPEN || byte === OPEN_LIST) {
      level += 1;
      if (level > MOST_LEVELS) return 'body_too_deep';
    } else if (byte === CLOSE || byte === CLOSE_LIST) level -= 1;
    else if (byte === NAMES) {
      names += 1;
      if (names > MOST_NAMES) return 'too_many_fields';
    }
  }
  return undefined;
}

/** Of a webhook, as they came. */
export const bytesOf = ({ body }: FastifyRequest): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : '');

/** What a webhook says, once its proof was right: until then its bytes are only bytes. */
export function readJson(body: Buffer): unknown {
  const excess = excessOf(body);
  if (excess) throw new Refusal(excess);
  if (!isUtf8(body)) throw new Refusal('malformed_json');
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    throw new Refusal('malformed_json');
  }
}

/** What was read before need not be read again to be answered again. */
function isKnown(request: FastifyRequest, body: Buffer): boolean {
  request.text = body.toString();
  return request.server.early.knows?.(request) ?? false;
}

/** Reads JSON as Fastify does, but nothing that is too deep or too much. */
export function guardDepth(adapter: FastifyAdapter, bodyLimit: number): void {
  const parse = adapter.getInstance<FastifyInstance>().getDefaultJsonParser('error', 'error');
  const read = (request: FastifyRequest, body: Buffer, done: (fault: Error | null, value?: unknown) => void) => {
    if (request.route.config.pace === 'webhook') done(null, body);
    else if (request.route.config.early && isUtf8(body) && isKnown(request, body)) done(null);
    else whole(request, body, done);
  };
  const whole = (request: FastifyRequest, body: Buffer, done: (fault: Error | null, value?: unknown) => void) => {
    const excess = excessOf(body);
    if (excess) done(new Refusal(excess));
    else if (!isUtf8(body)) done(new Refusal('malformed_json'));
    else void parse(request, body.toString(), done);
  };
  adapter.useBodyParser('application/json', false, { bodyLimit }, read);
}
