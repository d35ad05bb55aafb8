import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** What the image holds, and a release under systemd: what was built, without sources and without a compiler. */
export function layOut(folder: string, version: string): string {
  mkdirSync(folder, { recursive: true });
  cpSync('dist', join(folder, 'dist'), { recursive: true });
  cpSync('scripts', join(folder, 'scripts'), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  const told = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, unknown>;
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...told, version }));
  return folder;
}

/** As docker/.env and the compose files tell it. */
export const production = (databaseUrl: string, redisUrl: string): Record<string, string> => ({
  ENVIRONMENT: 'production',
  HOST: '127.0.0.1',
  WORKERS: '1',
  DATABASE_URL: databaseUrl,
  REDIS_URL: redisUrl,
  SECRET_KEY: 'k'.repeat(64),
  PUBLIC_URL: 'https://edge.test',
  TRUST_PROXY: '127.0.0.1',
  METRICS_ALLOW: '127.0.0.1',
  RATE_LIMIT_IP_PER_MINUTE: '0',
  PGPOOL_MIN_CONNECTIONS: '1',
  PGPOOL_MAX_CONNECTIONS: '10',
});
