import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule, type Features } from './app.module.js';
import { servesApi, type Config } from './config/config.js';
import { version } from './health/version.js';
import { serveDocs } from './http/docs.js';
import { createServer } from './http/server.js';
import type { Log } from './observability/log.js';
import { NestLogger } from './observability/nest-logger.js';

/** The application of one process, not yet listening. What a test builds is what runs. */
export async function createApp(config: Config, log: Log, features: Features = []): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(config, log, features), createServer(config, log), {
    logger: new NestLogger(log),
    abortOnError: false,
  });
  if (servesApi(config)) serveDocs(app, version);
  return app;
}
