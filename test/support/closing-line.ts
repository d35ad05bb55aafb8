import { relative } from 'node:path';
import type { Reporter, TestModule, TestRunEndReason, TestSuite } from 'vitest/node';

type Errors = ReadonlyArray<unknown>;

/** What a run comes to. A file that did not load, a hook that threw and an error that nobody caught each fail once. */
export function counts(modules: ReadonlyArray<TestModule>, unhandled: Errors): { passed: number; failed: number } {
  let passed = 0;
  let failed = unhandled.length;
  const brokenHooks = (suite: TestModule | TestSuite) => (suite.errors().length > 0 ? 1 : 0);
  for (const module of modules) {
    failed += brokenHooks(module);
    for (const suite of module.children.allSuites()) failed += brokenHooks(suite);
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed += 1;
      if (state === 'failed') failed += 1;
    }
  }
  return { passed, failed };
}

/** What failed first, and passed when it was tried once more. */
const unsteady = (modules: ReadonlyArray<TestModule>): string[] =>
  modules.flatMap((module) =>
    [...module.children.allTests()]
      .filter((test) => test.diagnostic()?.flaky)
      .map(({ fullName }) => `${relative('', module.moduleId)}: ${fullName}`),
  );

/** The last line of a run, alone: `N passed, N failed`. A run without tests, or one that was cut short, has failed. */
export default class ClosingLine implements Reporter {
  private total = { passed: 0, failed: 0 };
  private unsteady: string[] = [];

  onInit(): void {
    process.on('exit', (code) => {
      const { passed, failed } = this.total;
      const sound = failed > 0 || (code === 0 && passed > 0);
      if (!sound || failed > 0) process.exitCode = code === 0 ? 1 : code;
      for (const name of this.unsteady) process.stdout.write(`\npassed at the second try: ${name}`);
      process.stdout.write(`\n${passed} passed, ${sound ? failed : failed + 1} failed\n`);
    });
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: Errors, reason: TestRunEndReason): void {
    this.total = counts(modules, unhandled);
    this.unsteady = unsteady(modules);
    if (reason === 'interrupted') this.total.failed += 1;
  }
}
