import { afterEach, beforeEach, expect } from 'vitest';
import { PixProvider, type PixSettings } from '../../src/campaigns/payments/pix.provider.js';
import type { Charge } from '../../src/campaigns/payments/provider.js';
import { randomHex } from '../../src/kernel/ids.js';
import { Refusal } from '../../src/kernel/problems.js';
import { asEver } from './clocks.js';
import { startPsp } from './psp.js';
import { recordedLog, type LogLine } from './recorded-log.js';

const secrets = /word-of-secret|Y2xpZW50|Bearer [\da-f]|pix@mutirao/;

/** For each test a bank of its own and a provider that asks it; afterwards no secret is in the log. */
export function beforeTheBank() {
  const here = {
    psp: undefined as unknown as Awaited<ReturnType<typeof startPsp>>,
    pix: undefined as unknown as PixProvider,
    lines: [] as LogLine[],
    told: (level: string) => here.lines.filter((line) => line.level === level),
    async connect(settings: Partial<PixSettings> = {}) {
      await (here.pix as PixProvider | undefined)?.close();
      const recorded = recordedLog();
      here.lines = recorded.lines;
      here.pix = new PixProvider({ ...here.psp.settings, ...settings }, recorded.log);
    },
    async restart(options: Parameters<typeof startPsp>[0]) {
      await here.psp.stop();
      here.psp = await startPsp(options);
      await here.connect();
    },
    charge: (over?: Partial<Charge>, signal = aSignal()) => here.pix.charge(aCharge(over), signal),
  };
  beforeEach(async () => {
    here.psp = await startPsp();
    await here.connect();
  });
  afterEach(async () => {
    asEver();
    await here.pix.close();
    await here.psp.stop();
    expect(JSON.stringify(here.lines)).not.toMatch(secrets);
  });
  return here;
}

/** One that never comes. */
export const aSignal = () => new AbortController().signal;

export const aCharge = (over: Partial<Charge> = {}): Charge => ({
  txid: randomHex(32),
  method: 'pix',
  amountCents: 12_345,
  expiresAt: new Date(Date.now() + 3_600_000),
  title: 'Um telhado novo',
  ...over,
});

export async function expectDown(work: Promise<unknown>): Promise<void> {
  const fault = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(fault).toBeInstanceOf(Refusal);
  expect(fault).toMatchObject({ code: 'dependency_down' });
}

export async function msOf(work: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work;
  return performance.now() - began;
}

/** The least of many: a busy machine may keep one of them waiting. */
export async function quickest(times: number, work: () => Promise<unknown>): Promise<number> {
  let least = Infinity;
  for (let n = 0; n < times; n += 1) least = Math.min(least, await msOf(work()));
  return least;
}
