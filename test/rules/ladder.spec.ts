import { describe, expect, it } from 'vitest';
import { featureCircles, fileCircles, ladderFaults, waysTo } from './ladder.js';
import { readSources, type Source } from './sources.js';

const sources = readSources('src');
const file = (path: string, text: string): Source => ({ path, text });
const faultsOf = (path: string, specifier: string) => ladderFaults([file(path, `import { x } from '${specifier}';`)]);

describe('imports go down the ladder', () => {
  it('holds in src', () => {
    expect(sources.length).toBeGreaterThan(5);
    expect(ladderFaults(sources)).toEqual([]);
  });

  it.each([
    ['src/kernel/ids.ts', '../config/config.js'],
    ['src/database/options.ts', '../redis/client.js'],
    ['src/http/edge.ts', '../users/users.service.js'],
    ['src/outbox/relay.ts', '../campaigns/campaigns.service.js'],
    ['src/campaigns/campaigns.service.ts', '../auth/auth.store.js'],
    ['src/health/live.ts', '../embedded/postgres.js'],
    ['src/app.module.ts', './embedded/postgres.js'],
    ['src/cluster/workers.ts', '../campaigns/campaigns.service.js'],
    ['src/http/edge.ts', '../cluster/workers.js'],
    ['src/campaigns/campaigns.service.ts', '../app.module.js'],
    ['src/outbox/relay.ts', '../schema.js'],
    ['src/utils/text.ts', '../kernel/ids.js'],
    ['src/kernel/ids.ts', '../../test/support/engines.js'],
  ])('refuses %s → %s', (path, specifier) => expect(faultsOf(path, specifier)).toHaveLength(1));

  it.each([
    ['src/config/config.ts', '../kernel/ids.js'],
    ['src/campaigns/campaigns.service.ts', '../auth/auth.service.js'],
    ['src/campaigns/donations/donations.store.ts', '../campaigns.store.js'],
    ['src/campaigns/campaigns.service.ts', '../users/user.entity.js'],
    ['src/cluster.ts', './cluster/supervisor.js'],
    ['src/cluster/supervisor.ts', '../embedded/engines.js'],
    ['src/cli/doctor.ts', '../embedded/postgres.js'],
    ['src/main.ts', './campaigns/campaigns.store.js'],
    ['src/schema.ts', './campaigns/campaign.entity.js'],
    ['src/cluster.ts', './schema.js'],
  ])('allows %s → %s', (path, specifier) => expect(faultsOf(path, specifier)).toEqual([]));

  it.each([
    "export { x } from '../config/config.js';",
    "const x = await import('../config/config.js');",
    "type X = import('../config/config.js').X;",
  ])('sees %s', (text) => expect(ladderFaults([file('src/kernel/ids.ts', text)])).toHaveLength(1));
});

describe('nothing goes in a circle', () => {
  it('holds for the files of src', () => expect(fileCircles(sources)).toEqual([]));
  it('holds between features', () => expect(featureCircles(sources)).toEqual([]));

  it('finds three files in a circle', () => {
    const ring = [
      file('src/kernel/a.ts', "import { b } from './b.js';"),
      file('src/kernel/b.ts', "import { c, type D } from './c.js';"),
      file('src/kernel/c.ts', "import { a } from './a.js';"),
    ];
    expect(fileCircles(ring)).toEqual(['src/kernel/a.ts → src/kernel/b.ts → src/kernel/c.ts → src/kernel/a.ts']);
  });

  it('lets types and late imports close one', () => {
    const pair = [
      file('src/kernel/a.ts', "import { b } from './b.js';"),
      file('src/kernel/b.ts', "import { type A } from './a.js';\nimport type { B } from './a.js';\nconst a = () => import('./a.js');"),
    ];
    expect(fileCircles(pair)).toEqual([]);
  });

  it('finds two features that lean on each other', () => {
    const pair = [
      file('src/auth/auth.service.ts', "import type { A } from '../campaigns/campaigns.service.js';"),
      file('src/campaigns/campaigns.service.ts', "import { b } from '../auth/auth.service.js';"),
    ];
    expect(featureCircles(pair)).toEqual(['auth → campaigns → auth']);
  });
});

describe('the supervisor stays small', () => {
  it('loads nothing of Nest', () => expect(waysTo(/^@nestjs\//, 'src/cluster.ts', sources)).toEqual([]));

  it('is found out through another file', () => {
    const pair = [
      file('src/cluster.ts', "import { x } from './database/options.js';"),
      file('src/database/options.ts', "import { Module } from '@nestjs/common';"),
    ];
    expect(waysTo(/^@nestjs\//, 'src/cluster.ts', pair)).toEqual(['src/cluster.ts → src/database/options.ts → @nestjs/common']);
  });
});
