import { DataSource } from 'typeorm';
import { loadEnvironment, readConfig } from './src/config/config.js';
import { migrationOptions } from './src/database/options.js';
import { schema } from './src/schema.js';

/** For TypeORM's command line: `npx typeorm migration:generate --check -d dist/ormconfig.js src/database/migrations/check`. */
export default new DataSource(migrationOptions(readConfig(loadEnvironment(process.env)), schema));
