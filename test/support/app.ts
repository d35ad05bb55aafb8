import type { Features } from '../../src/app.module.js';
import { createApp } from '../../src/create-app.js';
import { readConfig, type Environment } from '../../src/config/config.js';
import { EngineModule } from './engine.module.js';
import { LabModule } from './lab.module.js';
import { recordedLog } from './recorded-log.js';

/** The whole application in this process, and what it logs. */
export async function openApp(env: Environment, features: Features = [LabModule, EngineModule]) {
  const config = readConfig(env);
  const { log, lines } = recordedLog();
  const app = await createApp(config, log, features);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    url,
    lines,
    /** A request over the wire, and how long it took. */
    ask: async (path: string, init: RequestInit = {}) => {
      const began = performance.now();
      const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(30_000), ...init });
      const text = await response.text();
      const json = text.startsWith('{') ? (JSON.parse(text) as Answer) : {};
      return { status: response.status, headers: response.headers, text, json, ms: performance.now() - began };
    },
  };
}

export type Answer = Record<string, unknown>;
