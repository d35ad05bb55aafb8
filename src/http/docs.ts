import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { openApiDocument } from './openapi.js';

/** Everything the page needs comes from here: no foreign font, script or picture. */
const CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
const DAY_SECONDS = 86_400;

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

/** The description of the API and the page that shows it; both public. */
export function serveDocs(app: NestFastifyApplication, version: string): void {
  const fastify = app.getHttpAdapter().getInstance();
  const folder = join(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'), '..');
  const send = (reply: FastifyReply, type: string, body: string | Buffer) =>
    reply.header('content-security-policy', CSP).header('cache-control', `public, max-age=${DAY_SECONDS}`).type(type).send(body);

  let document: Promise<string> | undefined;
  fastify.get('/api/openapi.json', async (_request, reply) => {
    document ??= openApiDocument(app, version).then((made) => JSON.stringify(made));
    return reply
      .header('cache-control', 'no-cache')
      .type('application/json; charset=utf-8')
      .send(await document);
  });
  for (const path of ['/api/docs', '/api/docs/']) fastify.get(path, (_request, reply) => send(reply, 'text/html; charset=utf-8', page));
  fastify.get('/api/docs/start.js', (_request, reply) => send(reply, 'text/javascript; charset=utf-8', start));
  for (const [name, type] of Object.entries(assets))
    fastify.get(`/api/docs/${name}`, async (_request, reply) => send(reply, type, await readFile(join(folder, name))));
}
