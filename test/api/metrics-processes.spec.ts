import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gathering } from '../../src/cluster/gathering.js';
import { added, counter, type FiguresAsked, gauge, type Family } from '../../src/observability/figures.js';
import { answered, readExposition, valueOf, type Exposed } from '../support/exposition.js';
import { eventually } from '../support/lab.js';
import { startSystem, type System } from '../support/system.js';

describe('the figures of several processes', () => {
  it('are added up, the greatest taken, or each shown with its name', () => {
    const of = (n: number): Family[] => [
      counter('c_total', 'c', [[{ a: 'x"\n\\' }, n]]),
      gauge('g', 'g', n),
      gauge('m', 'm', n, 'most'),
      gauge('e', 'e', [[{ q: '1' }, n]], 'each'),
    ];
    const rows = added([
      { process: '1', families: of(2) },
      { process: '2', families: of(5) },
    ]).map(({ name, rows }) => [name, rows]);
    expect(rows).toEqual([
      ['c_total', [[String.raw`a="x\"\n\\"`, [7]]]],
      ['g', [['', [7]]]],
      ['m', [['', [5]]]],
      [
        'e',
        [
          ['process="1",q="1"', [2]],
          ['process="2",q="1"', [5]],
        ],
      ],
    ]);
  });
});

/** A process that says what it is told to, or nothing. */
function aProcess(name: string, says: () => readonly Family[] | undefined, gathering: () => Gathering) {
  const asked: FiguresAsked[] = [];
  const worker = {
    isConnected: () => true,
    send: (message: FiguresAsked) => {
      asked.push(message);
      const families = message.kind === 'measure' ? says() : undefined;
      if (message.kind === 'measure' && families) gathering().heard(worker, { kind: 'figures', round: message.round, families });
      return true;
    },
  };
  return { worker, name, asked };
}

describe('the supervisor', () => {
  const total = (asked: readonly FiguresAsked[]) => {
    const last = asked.at(-1);
    if (last?.kind !== 'measured') throw new Error('nothing was told');
    const [counted, now] = ['c_total', 'g'].map((name) => added(last.parts).find((family) => family.name === name)?.rows[0]?.[1][0]);
    return { counted, now, silent: last.silent };
  };
  const figures = (n: number) => [counter('c_total', 'c', n), gauge('g', 'g', n)];

  it('takes for counted what somebody counted who is silent or gone, and asks one alone for the whole system', async () => {
    const gathering = new Gathering();
    let second: readonly Family[] | undefined = figures(5);
    const one = aProcess(
      '1',
      () => figures(2),
      () => gathering,
    );
    const two = aProcess(
      '2',
      () => second,
      () => gathering,
    );
    await gathering.tell(one.worker, [one, two]);
    expect(total(one.asked)).toEqual({ counted: 7, now: 7, silent: 0 });
    second = undefined;
    await gathering.tell(one.worker, [one, two]);
    expect(total(one.asked)).toEqual({ counted: 7, now: 2, silent: 1 });
    gathering.gone(two.worker);
    const three = aProcess(
      '2',
      () => figures(1),
      () => gathering,
    );
    await gathering.tell(one.worker, [one, three]);
    expect(total(one.asked)).toEqual({ counted: 8, now: 3, silent: 0 });
    const system = [one, two, three].map(({ asked }) => asked.flatMap((message) => (message.kind === 'measure' ? [message.system] : [])));
    expect(system).toEqual([[false, false, false], [true, true], [true]]);
  });

  it('asks once for all who ask at the same time, and waits for nobody who is gone', async () => {
    const gathering = new Gathering();
    const one = aProcess(
      '1',
      () => figures(2),
      () => gathering,
    );
    const two = aProcess(
      '2',
      () => undefined,
      () => gathering,
    );
    const told = Promise.all([gathering.tell(one.worker, [one, two]), gathering.tell(two.worker, [one, two])]);
    gathering.gone(two.worker);
    await told;
    expect(one.asked.map(({ kind }) => kind)).toEqual(['measure', 'measured']);
    expect(total(two.asked)).toEqual({ counted: 2, now: 2, silent: 0 });
  });
});

describe('whichever process is asked', () => {
  let system: System;
  let url: string;
  beforeAll(async () => {
    system = startSystem({ env: { WORKERS: '2', LOG_LEVEL: 'info' } });
    ({ url } = await system.ready());
  }, 90_000);
  afterAll(() => system.end());

  /** By a connection of its own, so that now one process takes it and now the other. */
  const ask = (path: string) => fetch(`${url}${path}`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(10_000) });
  const read = async () => readExposition(await (await ask('/metrics')).text());
  const plans = (families: Map<string, Exposed>) => answered(families, 'GET', '/api/v1/plans', 200);
  const answerers = () => [...new Set(system.lines.filter(({ path }) => path === '/api/v1/plans').map(({ pid }) => Number(pid)))];
  const isBackground = ({ pid }: { pid: number }) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes('MUTIRAO_PART=background');
  const pidOfBackground = () => system.processes().find(isBackground)?.pid ?? 0;

  it('it tells of all of them, and of what each holds', async () => {
    for (let n = 0; n < 20; n += 1) await (await ask('/api/v1/plans')).text();
    const told = [await read(), await read(), await read(), await read()];
    expect(told.map(plans)).toEqual([20, 20, 20, 20]);
    expect(told.map((families) => answered(families, 'GET', '/metrics', 200))).toEqual([0, 1, 2, 3]);
    expect(valueOf(told[0]!, 'mutirao_processes{state="answered"}')).toBe(3);
    expect([...(told[0]!.get('mutirao_uptime_seconds')?.samples.keys() ?? [])].sort()).toEqual(
      ['1', '2', 'background'].map((name) => `mutirao_uptime_seconds{process="${name}"}`),
    );
    expect(answerers()).toHaveLength(2);
    expect(told[0]!.has('mutirao_queue_jobs')).toBe(true);
  });

  it('nothing that was counted is forgotten with its process, nor while one is silent', async () => {
    process.kill(answerers()[0]!, 'SIGKILL');
    await system.line(({ msg }) => msg === 'a process ended, another takes its place');
    const after = await eventually(read, (families) => valueOf(families, 'mutirao_processes{state="answered"}') === 3);
    expect(plans(after)).toBe(20);
    const background = pidOfBackground();
    process.kill(background, 'SIGSTOP');
    try {
      const silent = await read();
      expect(valueOf(silent, 'mutirao_processes{state="silent"}')).toBe(1);
      expect(plans(silent)).toBe(20);
      expect(silent.get('mutirao_uptime_seconds')?.samples.size).toBe(2);
    } finally {
      process.kill(background, 'SIGCONT');
    }
  });

  it('nor what one that is asked to stop has counted since anybody looked', async () => {
    const before = plans(await read());
    for (let n = 0; n < 20; n += 1) await (await ask('/api/v1/plans')).text();
    const [one] = answerers().filter((pid) => system.processes().some((found) => found.pid === pid));
    process.kill(one!, 'SIGTERM');
    await system.line(({ msg, reason }) => msg === 'a process ended, another takes its place' && reason === 'code 0');
    const after = await eventually(read, (families) => valueOf(families, 'mutirao_processes{state="answered"}') === 3);
    expect(plans(after)).toBe(before + 20);
  });
});
