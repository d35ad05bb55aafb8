import type { FastifyAdapter } from '@nestjs/platform-fastify';

export const FORM_TYPE_NAME = 'application/x-www-form-urlencoded';
export const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** For routes whose policy says that they read forms; all others refuse them by their type. */
export function readForms(adapter: FastifyAdapter, bodyLimit: number): void {
  adapter.useBodyParser(FORM_TYPE_NAME, false, { bodyLimit }, (_request, body: Buffer, done) =>
    done(null, Object.fromEntries(new URLSearchParams(body.toString()))),
  );
}
