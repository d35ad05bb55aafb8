import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { hardware, memoryCeiling, memoryTaken, processorTime, workersFor } from '../../src/config/hardware.js';

const made: string[] = [];
afterEach(() => made.splice(0).forEach((root) => rmSync(root, { recursive: true })));

/** Files as the kernel shows them to a container. */
function container(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'mutirao-cgroup-'));
  made.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return root;
}
const MB = 1024 * 1024;

describe('What there is', () => {
  it.each([
    ['of the newer kind', { 'cpu.max': '50000 100000', 'memory.max': String(512 * MB) }],
    [
      'of the older kind',
      { 'cpu/cpu.cfs_quota_us': '50000', 'cpu/cpu.cfs_period_us': '100000', 'memory/memory.limit_in_bytes': String(512 * MB) },
    ],
  ])('is that of a container %s', (_kind, files) => {
    expect(hardware(container(files))).toEqual({ cores: 0.5, memoryBytes: 512 * MB, from: { cores: 'container', memory: 'container' } });
  });

  it.each([
    ['without bounds', { 'cpu.max': 'max 100000', 'memory.max': 'max' }],
    ['with bounds beyond the machine', { 'cpu.max': '99900000 100000', 'memory.max': '9223372036854771712' }],
    [
      'of the older kind without bounds',
      { 'cpu/cpu.cfs_quota_us': '-1', 'cpu/cpu.cfs_period_us': '100000', 'memory/memory.limit_in_bytes': '9223372036854771712' },
    ],
    ['that shows nothing', {}],
    ['that shows nonsense', { 'cpu.max': '', 'memory.max': 'much' }],
  ])('is that of the machine in a container %s', (_kind, files) => {
    expect(hardware(container(files as Record<string, string>))).toEqual({
      ...{ cores: availableParallelism(), memoryBytes: totalmem() },
      from: { cores: 'machine', memory: 'machine' },
    });
  });

  it('is taken as the kernel says, less what it only keeps of files', () => {
    const newer = { 'cpu.max': '50000 100000', 'cpu.stat': 'usage_usec 4000000\nuser_usec 1', 'memory.max': String(400 * MB) };
    const root = container({ ...newer, 'memory.current': String(300 * MB), 'memory.stat': `anon 1\ninactive_file ${100 * MB}` });
    expect(memoryTaken(root)).toBeCloseTo(0.5);
    expect(processorTime(root).busySeconds).toBe(4);
    const older = container({
      ...{ 'cpu/cpu.cfs_quota_us': '50000', 'cpu/cpu.cfs_period_us': '100000', 'cpuacct/cpuacct.usage': '7000000000' },
      ...{ 'memory/memory.limit_in_bytes': String(400 * MB), 'memory/memory.usage_in_bytes': String(100 * MB) },
      'memory/memory.stat': `inactive_file 5\ntotal_inactive_file ${20 * MB}`,
    });
    expect([memoryTaken(older), processorTime(older).busySeconds]).toEqual([0.2, 7]);
    const machine = container({});
    expect(memoryTaken(machine)).toBeGreaterThan(0);
    expect(memoryTaken(machine)).toBeLessThan(1);
    const first = processorTime(machine);
    expect(processorTime(machine).busySeconds).toBeGreaterThanOrEqual(first.busySeconds);
  });
});

describe('WORKERS=auto', () => {
  it.each([
    [
      { cores: 0.5, memoryBytes: 512 * MB },
      { count: 1, because: 'cores' },
    ],
    [
      { cores: 4, memoryBytes: 8_192 * MB },
      { count: 4, because: 'cores' },
    ],
    [
      { cores: 3.9, memoryBytes: 8_192 * MB },
      { count: 3, because: 'cores' },
    ],
    [
      { cores: 16, memoryBytes: 2_048 * MB },
      { count: 4, because: 'memory' },
    ],
    [
      { cores: 16, memoryBytes: 100 * MB },
      { count: 1, because: 'memory' },
    ],
  ])('of %o is %o', (machine, expected) => expect(workersFor(machine)).toEqual(expected));

  it('leaves each process its share of the memory, and never less than it needs', () => {
    expect(memoryCeiling({ memoryBytes: 8_192 * MB }, 4)).toBe(1_536 * MB);
    expect(memoryCeiling({ memoryBytes: 512 * MB }, 8)).toBe(320 * MB);
  });
});
