import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    // Most tests wait for processes, not for the processor.
    maxWorkers: 3,
    testTimeout: 90_000,
    hookTimeout: 60_000,
    teardownTimeout: 15_000,
    passWithNoTests: false,
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
          exclude: ['test/rules/**', 'test/jobs/**'],
          globalSetup: ['test/support/global-setup.ts'],
          sequence: { groupOrder: 1 },
          // To load the application anew for each file takes longer than most files.
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
