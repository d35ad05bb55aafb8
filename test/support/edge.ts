import type { Environment } from '../../src/config/config.js';
import { openApp } from './app.js';
import { EdgeModule } from './edge.module.js';
import { freshDatabase, freshRedis } from './fresh.js';
import { labEnvironment } from './lab.js';
import { LabModule } from './lab.module.js';

/** The application with routes that fail in every way. */
export async function openEdge(env: Environment = {}) {
  const [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  const opened = await openApp(labEnvironment(database.url, redis.url, { RATE_LIMIT_IP_PER_MINUTE: '100000', ...env }), [
    LabModule,
    EdgeModule,
  ]);
  return {
    ...opened,
    close: async () => {
      await opened.app.close();
      await Promise.all([database.drop(), redis.stop()]);
    },
  };
}
