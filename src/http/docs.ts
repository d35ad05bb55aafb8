import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify';
import { dress } from './cache/dress.js';
import { Entry } from './cache/entry.js';
import { descriptionFor } from './description.js';

/** Everything the page needs comes from here: no foreign font, script or picture. */
const CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

const assets: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mutirão API</title>
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
<link rel="icon" href="/api/docs/favicon-32x32.png">
</head>
<body>
<div id="docs"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
`;

const start = `SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

const PIECE_BYTES = 65_536;

const config: FastifyContextConfig = { access: 'public', pace: 'browse' };

/** The description of the API and the page that shows it; both public. */
export function serveDocs(app: NestFastifyApplication, version: string): void {
  const fastify = app.getHttpAdapter().getInstance();
  const folder = join(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'), '..');
  // What is still being made, too: many who come before it is there would each make it, one after the other.
  const kept = new Map<string, Promise<Entry>>();
  const keep = (path: string, entry: Promise<Entry>) => {
    kept.set(path, entry);
    entry.catch(() => kept.delete(path));
    return entry;
  };
  const serve = (path: string, type: string, make: () => string | Buffer | Promise<string | Buffer>) =>
    fastify.get(path, { config }, async (request: FastifyRequest, reply: FastifyReply) => {
      const body = dress(request, reply, await (kept.get(path) ?? keep(path, made(type, make))));
      if (body === undefined || body.length <= PIECE_BYTES) return reply.send(body);
      return reply.header('content-length', body.length).send(Readable.from(piecesOf(body)));
    });

  serve('/api/openapi.json', 'application/json; charset=utf-8', () => descriptionFor(app, version));
  serve('/api/docs', 'text/html; charset=utf-8', () => page);
  serve('/api/docs/start.js', 'text/javascript; charset=utf-8', () => start);
  for (const [name, type] of Object.entries(assets)) serve(`/api/docs/${name}`, type, () => readFile(join(folder, name)));
}

/** Hundreds of these at once would be one long turn of the loop, in which nobody else is served. */
async function* piecesOf(body: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += PIECE_BYTES) {
    yield body.subarray(at, at + PIECE_BYTES);
    await nextTurn();
  }
}

/** Packed and named by its content, so that whoever has it is told so, and nobody keeps an old one. */
async function made(type: string, make: () => string | Buffer | Promise<string | Buffer>): Promise<Entry> {
  const headers = { 'content-type': type, 'content-security-policy': CSP, 'cache-control': 'no-cache' };
  return Entry.of(Buffer.from(await make()), headers, Infinity, []);
}
