import { inject } from 'vitest';

/** Where this program is. Without it the test fails, and says how to get it. */
export function toolOf(name: string): string {
  const { found, faults } = inject('tools');
  const program = found[name];
  if (program === undefined) throw new Error(faults[name] ?? `nobody looked for ${name}`);
  return program;
}
