import { defineConfig } from 'vitest/config';

// They judge how late things are, which beside others they are. In its short form the second only judges what comes of faults.
const alone = ['test/api/load.spec.ts', ...(process.env.DRILLS === 'long' ? ['test/faults/guarantees.spec.ts'] : [])];
const pooled = ['pooled/*', 'api/donations', 'api/sessions'].map((name) => `test/${name}.spec.ts`);

export default defineConfig({
  test: {
    pool: 'forks',
    // Most tests wait for processes, not for the processor.
    maxWorkers: 3,
    testTimeout: 180_000,
    hookTimeout: 120_000,
    teardownTimeout: 15_000,
    passWithNoTests: false,
    // On a machine of many; what passes only then is told at the end.
    retry: process.env.CI ? 1 : 0,
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      {
        extends: true,
        test: { name: 'rules', include: ['test/rules/**/*.spec.ts'], sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.spec.ts'],
          exclude: ['test/rules/**', 'test/jobs/**', 'test/pooled/**', ...alone],
          globalSetup: ['test/support/global-setup.ts'],
          sequence: { groupOrder: 1 },
          // To load the application anew for each file takes longer than most files.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: alone,
          globalSetup: ['test/support/global-setup.ts'],
          sequence: { groupOrder: 2 },
          maxWorkers: 1,
        },
      },
      {
        extends: true,
        test: {
          // Through a real PgBouncer: whatever meets the database in another way. `npm run test:pooled` takes all of test/api.
          name: 'pooled',
          include: process.env.POOLED === 'all' ? ['test/pooled/**/*.spec.ts', 'test/api/**/*.spec.ts', 'test/races/**/*.spec.ts'] : pooled,
          exclude: alone,
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles: ['test/support/pooled.ts'],
          sequence: { groupOrder: 1 },
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          // Defines jobs of its own, of which no other application may know.
          name: 'jobs',
          include: ['test/jobs/**/*.spec.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
