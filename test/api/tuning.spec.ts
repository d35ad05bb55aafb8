import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tuningFor, tuningSql, usual, type Machine } from '../../src/cli/tuning.js';
import { startEngines } from '../support/engines.js';
import { toolOf } from '../support/tool-of.js';

const tune = (words: string[], path = process.env.PATH ?? '') =>
  new Promise<{ code: number; said: string }>((tell) => {
    execFile(process.execPath, [resolve('.build/src/cli/mutirao.js'), 'tune', ...words], { env: { PATH: path } }, (fault, out, err) =>
      tell({ code: typeof fault?.code === 'number' ? fault.code : 0, said: out + err }),
    );
  });
const valueOf = (machine: Machine, name: string) => tuningFor(machine).find((setting) => setting.name === name)?.value;
const megabytes = (text = '') => Number.parseInt(text, 10) * (text.endsWith('GB') ? 1_024 : 1);

describe('What PostgreSQL is told', () => {
  it('is refused for a machine that cannot be, and says what is expected', async () => {
    for (const words of [['--memory', '8'], ['--memory', '1MB'], ['--cores', 'many'], ['--connections', '3'], ['--speed', '9'], ['now']])
      expect(await tune(words)).toMatchObject({ code: 64, said: expect.stringContaining('Expected: npm run tune') as string });
    expect(await tune(['--compare'], '/nowhere')).toEqual({
      code: 1,
      said: 'pgbench is not on PATH: sudo apt-get install -y postgresql-client; then again.\n',
    });
  });

  it('is that of 8 GB where none is named', async () => {
    expect(['max_connections', 'shared_buffers', 'work_mem'].map((name) => valueOf(usual, name))).toEqual(['200', '1GB', '16MB']);
    expect(await tune([])).toEqual({ code: 0, said: tuningSql(usual, 'mutirao') });
    expect((await tune(['--memory', '64GB', '--role', "o'brien"])).said).toMatch(/shared_buffers = '8GB'[^]*'o''brien'/);
  });

  it('has a reason and, where it counts something, a unit', () => {
    for (const { value, unit, why } of tuningFor(usual)) {
      expect(why.length).toBeGreaterThan(15);
      if (/\d/.test(value)) expect(unit).not.toBe('');
    }
  });

  it('fits into the memory, whatever the machine', () => {
    const machine = fc.record({
      memoryMb: fc.integer({ min: 2_048, max: 1_048_576 }),
      cores: fc.integer({ min: 1, max: 256 }),
      connections: fc.integer({ min: 20, max: 200 }),
    });
    fc.assert(
      fc.property(machine, (one) => {
        const all = megabytes(valueOf(one, 'shared_buffers')) + one.connections * megabytes(valueOf(one, 'work_mem'));
        expect(all).toBeLessThanOrEqual(one.memoryMb);
      }),
    );
  });

  it('is taken by a real server, twice, and holds after a restart', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'mutirao-tuned-'));
    try {
      const first = await startEngines({ dir, redis: false, tuned: false });
      await first.rows('CREATE ROLE "an app" LOGIN');
      const sql = tuningSql(usual, 'an app');
      const statements = [...sql.matchAll(/^ALTER SYSTEM .*;$/gm)].map(([text]) => text);
      expect(statements).toHaveLength(tuningFor(usual).length);
      const [ofRole = ''] = /DO \$\$[^]*\$\$;/.exec(sql) ?? [];
      for (const text of [...statements, ofRole, ...statements, ofRole]) await first.rows(text);
      const role = await first.rows(`SELECT unnest(rolconfig) AS kept FROM pg_roles WHERE rolname = 'an app'`);
      expect(role.map(({ kept }) => String(kept))).toEqual([
        'statement_timeout=10s',
        'lock_timeout=3s',
        'idle_in_transaction_session_timeout=15s',
      ]);
      await first.stop();
      const second = await startEngines({ dir, redis: false, tuned: false });
      const held = await second.rows<{ name: string; same: boolean }>(
        `SELECT name, source = 'configuration file' AS same FROM pg_settings WHERE name = ANY($1)`,
        [tuningFor(usual).map(({ name }) => name)],
      );
      expect(held.filter(({ same }) => !same)).toEqual([]);
      expect(held).toHaveLength(tuningFor(usual).length);
      expect((await second.rows('SHOW work_mem'))[0]).toEqual({ work_mem: '16MB' });
      expect(await second.rows('SELECT FROM pg_settings WHERE pending_restart')).toEqual([]);
      await second.stop();
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('is measured before and after on a server of its own', async () => {
    const { code, said } = await tune(
      ['--compare', '--seconds', '1', '--scale', '1', '--memory', '2GB'],
      `${dirname(toolOf('pgbench'))}:${process.env.PATH}`,
    );
    expect(said).toMatch(/^before: \d+ transactions\/s, [\d.]+ ms each on average$/m);
    expect(said).toMatch(/^after: {2}\d+ transactions\/s, [\d.]+ ms each on average\nfactor: [\d.]+$/m);
    expect(code).toBe(0);
  });
});
