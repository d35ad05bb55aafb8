import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from '../kernel/problems.js';

export const UPLOAD_TYPE_NAME = 'multipart/form-data';
export const UPLOAD_TYPE = /^multipart\/form-data\s*(?:;|$)/i;

/** For routes whose policy says that they take uploads: nothing of one is read before it is known who sends it. */
export function admitUploads(adapter: FastifyAdapter): void {
  adapter.getInstance<FastifyInstance>().addContentTypeParser(UPLOAD_TYPE_NAME, (_request, _payload, done) => done(null));
}

/** A request that brings nothing at all has come this far without a type. */
export function uploadTypeOf({ headers }: FastifyRequest): string {
  const type = headers['content-type'];
  if (type === undefined) throw new Refusal('unsupported_type', `Send the body as ${UPLOAD_TYPE_NAME}.`);
  return type;
}

/** How much is to come, where it was said. */
export function saidLength({ headers }: FastifyRequest, mostBytes: number): number | undefined {
  const said = headers['content-length'];
  if (Number(said) > mostBytes) throw tooLong(mostBytes);
  return said === undefined ? undefined : Number(said);
}

/** All that comes, where it is not longer, and nobody who is told of each part objects. How long it may take is the server's to say. */
export function readUpload({ raw }: FastifyRequest, mostBytes: number, came: (bytes: number) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Whoever has left already is not heard of any more.
    if (raw.destroyed) throw broken();
    const parts: Buffer[] = [];
    let bytes = 0;
    const end = () => {
      raw.off('data', take).off('end', whole).off('error', fail).off('close', leave);
      // What still comes is thrown away.
      raw.resume();
    };
    const whole = () => {
      end();
      resolve(Buffer.concat(parts, bytes));
    };
    const fail = (fault: Error) => {
      end();
      reject(fault);
    };
    const leave = () => fail(broken());
    const take = (part: Buffer) => {
      bytes += part.length;
      try {
        if (bytes > mostBytes) throw tooLong(mostBytes);
        came(part.length);
        parts.push(part);
      } catch (fault) {
        fail(fault as Error);
      }
    };
    raw.on('data', take).on('end', whole).on('error', fail).on('close', leave);
  });
}

export const broken = () => new Refusal('bad_request', 'It was broken off on its way.');

export const tooLong = (mostBytes: number) => new Refusal('too_large', `Send at most ${mostBytes} bytes.`);
