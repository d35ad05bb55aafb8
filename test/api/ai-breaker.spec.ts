import { describe, expect, it } from 'vitest';
import { bounds } from '../../src/ai/providers/openai.client.js';
import { beforeTheApi, expectFault, faultOf } from '../support/ai.js';
import { passMs, putBackMs } from '../support/clocks.js';
import type { Manner } from '../support/openai.js';
import { quickest } from '../support/pix.js';

const here = beforeTheApi();

describe('left alone after five failures', () => {
  const fail = async (times: number) => {
    for (let n = 0; n < times; n += 1) expect((await here.read()).fault).toMatchObject({ kind: 'away' });
  };

  it.each<Manner>(['html', { cutAfter: 0 }, { errorAfter: 0 }])('by %j, it is asked nothing', async (how) => {
    here.api.behave(how);
    await fail(5);
    expect(await quickest(20, () => expectFault(here.chat(), { kind: 'away', sent: false }))).toBeLessThan(50);
    expect(await quickest(20, () => here.read())).toBeLessThan(50);
    expect(here.api.ledger).toHaveLength(5);
  });

  it('is told what was sent where that happens between two tries', async () => {
    here.api.behave({ status: 500 });
    await expectFault(here.chat(), { kind: 'away', sent: true });
    await expectFault(here.chat(), { kind: 'away', sent: true, details: { status: 500 } });
    expect(here.api.ledger).toHaveLength(5);
  });

  it('is asked by one until it is back, also where the time of day was put back meanwhile', async () => {
    here.api.behave('html');
    await fail(5);
    putBackMs(300_000);
    passMs(bounds.openMs);
    here.api.behave('well');
    here.api.behave('gated', { times: 1 });
    const first = here.read();
    await here.api.until(() => here.api.ledger.length === 6);
    await expectFault(here.chat(), { kind: 'away', sent: false });
    here.api.release();
    expect((await first).fault).toBeUndefined();
    await here.chat();
    expect(here.lines.map(({ msg }) => msg)).toContain('the AI provider is back');
  });

  it('is not back because whoever found out has left', async () => {
    here.api.behave('html', { times: 5 });
    await fail(5);
    passMs(bounds.openMs);
    here.api.behave('silent');
    const gone = new AbortController();
    const first = faultOf(here.chat({}, gone.signal));
    await here.api.until(() => here.api.ledger.length === 6);
    gone.abort('gone');
    expect(await first).toBe('gone');
    await expectFault(here.chat(), { kind: 'away', sent: false });
    expect(here.told('info')).toEqual([]);
  });

  it('counts none of those who left', async () => {
    here.api.behave('silent');
    for (let n = 1; n <= 6; n += 1) {
      const gone = new AbortController();
      const work = faultOf(here.chat({}, gone.signal));
      await here.api.until(() => here.api.ledger.length === n);
      gone.abort();
      expect(await work).toBe(gone.signal.reason);
    }
    here.api.behave('well');
    await here.chat();
  });
});
