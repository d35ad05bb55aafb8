import { join, resolve } from 'node:path';
import type { Config } from '../../config/config.js';

export const folderOf = ({ ANALYTICS_DIR, DATA_DIR }: Pick<Config, 'ANALYTICS_DIR' | 'DATA_DIR'>): string =>
  ANALYTICS_DIR === undefined ? join(DATA_DIR, 'analytics') : resolve(ANALYTICS_DIR);
