import { readFile } from 'node:fs/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AccessGuard } from './access.guard.js';

/** Beside the sources, and beside what is built of them. */
const FILE = new URL('../../openapi.json', import.meta.url);

/** A route in the description, by its name here. */
export const operationIdOf = (route: string): string => route.replace('Controller.', '_');

/**
 * What is written of the API, without routes that this process has not: some are for development alone. It is not made here, as a
 * process that makes it serves nobody meanwhile.
 */
export async function descriptionFor(app: NestFastifyApplication, version: string): Promise<string> {
  const document = JSON.parse(await readFile(FILE, 'utf8')) as OpenAPIObject;
  const known = new Set(
    app
      .get(AccessGuard)
      .routes()
      .map(({ name }) => operationIdOf(name)),
  );
  const isHere = (path: object) => Object.values(path as Record<string, { operationId: string }>).some((one) => known.has(one.operationId));
  document.paths = Object.fromEntries(Object.entries(document.paths).filter(([, path]) => isHere(path)));
  document.info.version = version;
  return JSON.stringify(document);
}
