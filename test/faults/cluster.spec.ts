import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { KEY, startOpenAI } from '../support/openai.js';
import { newEmail, PASSWORD } from '../support/people.js';
import { aFolder, startSystem, until } from '../support/system.js';

const mainsOf = (system: ReturnType<typeof startSystem>) => system.processes().filter(({ command }) => command.includes('main.js'));

/** Started where a file `.env` says what is configured. */
function start(settings: Record<string, string>, env: Record<string, string> = {}) {
  const { root, made } = aFolder();
  const configure = (values: Record<string, string>) =>
    writeFileSync(
      join(made, '.env'),
      Object.entries(values)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
  configure(settings);
  const system = startSystem({ cwd: made, env });
  onTestFinished(async () => {
    await system.end();
    rmSync(root, { recursive: true, force: true });
  });
  return { system, configure };
}

/** When it began, in hundredths of a second. */
const begunAt = (pid: number) => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19]);

/** Somebody who asks all the time, by connections that he keeps and by new ones. */
function asking(url: string) {
  const seen: (number | string)[] = [];
  const state = { over: false };
  const one = async (headers: Record<string, string>) => {
    while (!state.over)
      seen.push(
        await fetch(`${url}/api/v1/plans`, { headers }).then(
          async (answer) => (await answer.text(), answer.status),
          (fault: unknown) => (fault instanceof Error ? `${fault.message} ${String(fault.cause)}` : 'failed'),
        ),
      );
  };
  const all = [one({}), one({}), one({ connection: 'close' })];
  return async () => {
    state.over = true;
    await Promise.all(all);
    return { count: seen.length, kinds: [...new Set(seen)] };
  };
}

describe('SIGHUP', () => {
  it('puts new processes with what is configured now in the place of all, without a request that fails', async () => {
    const { system, configure } = start({ RATE_LIMIT_IP_PER_MINUTE: '1000000' }, { WORKERS: '2' });
    const { url } = await system.ready();
    const limit = async () => (await fetch(`${url}/api/v1/plans`)).headers.get('x-ratelimit-limit');
    expect(await limit()).toBe('1000000');
    const before = mainsOf(system).map(({ pid }) => pid);
    expect(before).toHaveLength(3);
    // They began one after the other.
    const [first = 0, second = 0, third = 0] = before.map(begunAt).sort((a, b) => a - b);
    expect(Math.min(second - first, third - second)).toBeGreaterThanOrEqual(20);

    const over = asking(url);
    configure({ RATE_LIMIT_IP_PER_MINUTE: '2000000', WORKERS: '1', PORT: '1' });
    system.signal('SIGHUP');
    await system.line(({ msg }) => msg === 'all processes are new');
    const { count, kinds } = await over();
    expect(kinds).toEqual([200]);
    expect(count).toBeGreaterThan(10);
    const after = mainsOf(system).map(({ pid }) => pid);
    expect([after.length, after.filter((pid) => before.includes(pid))]).toEqual([3, []]);
    expect(await limit()).toBe('2000000');

    configure({ RATE_LIMIT_IP_PER_MINUTE: 'many' });
    system.signal('SIGHUP');
    await system.line(({ msg }) => msg.startsWith('what is configured now is refused'));
    await until(() => system.stderr.includes('RATE_LIMIT_IP_PER_MINUTE: expected'));
    expect(mainsOf(system).map(({ pid }) => pid)).toEqual(after);
    expect(await limit()).toBe('2000000');
  });
});

describe('a process that is replaced', () => {
  it('and ends before its time: its successor, which is on its way already, has its place', async () => {
    const { system } = start({});
    const { url } = await system.ready();
    const [old] = mainsOf(system);
    system.signal('SIGHUP');
    await until(() => mainsOf(system).length === 2);
    const fresh = mainsOf(system).find(({ pid }) => pid !== old?.pid);
    process.kill(old!.pid, 'SIGKILL');
    await system.line(({ msg }) => msg === 'all processes are new');
    expect(mainsOf(system)).toEqual([fresh]);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  it('finishes answers that take long, once for orders that came together, and hurries when all is stopped', async () => {
    const provider = await startOpenAI({ words: 20 });
    onTestFinished(() => provider.stop());
    const { system } = start({ AI_BASE_URL: provider.url, AI_API_KEY: KEY, AI_MODEL: 'model-of-tests' });
    const { url } = await system.ready();
    const headers = { 'content-type': 'application/json' };
    const person = JSON.stringify({ email: newEmail(), name: 'Ana', password: PASSWORD });
    const registered = await fetch(`${url}/api/v1/auth/register`, { method: 'POST', headers, body: person });
    const { accessToken } = (await registered.json()) as { accessToken: string };
    const ask = async () => {
      const body = JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'Conte uma história.' }] });
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { ...headers, authorization: `Bearer ${accessToken}` },
        body,
      });
      return answer.text().catch(() => 'broken off');
    };
    provider.behave({ pieceMs: 1_000 });

    const whole = ask();
    await provider.until(() => provider.open() === 1);
    for (let orders = 1; orders <= 4; orders += 1) {
      system.signal('SIGHUP');
      await until(() => system.lines.filter(({ msg }) => msg === 'new processes take over').length === orders);
    }
    expect(await whole).toMatch(/data: \[DONE\]\n\n$/);
    await until(() => system.lines.filter(({ msg }) => msg === 'all processes are new').length === 4);
    const ofEach = system.lines.filter(({ msg }) => msg.startsWith('AI_PRICES has no price'));
    expect(new Set(ofEach.map(({ pid }) => pid)).size).toBe(3);

    provider.behave({ pieceMs: 2_000 });
    const cut = ask();
    await provider.until(() => provider.open() === 1);
    system.signal('SIGHUP');
    await until(async () => mainsOf(system).length === 2 && (await fetch(`${url}/health/ready`)).status === 200);
    const began = performance.now();
    expect((await system.stop()).code).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(await cut).not.toContain('[DONE]');
  });
});

describe('a process that holds more memory than its share', () => {
  it('is replaced before the kernel ends one, without a request that fails', async () => {
    const { system } = start({ MAX_MEMORY_MB: '1', RATE_LIMIT_IP_PER_MINUTE: '0', RATE_LIMIT_AUTH_PER_MINUTE: '0' });
    const { url } = await system.ready();
    const [before] = mainsOf(system);
    const over = asking(url);
    const body = JSON.stringify({ email: 'x'.repeat(900_000), password: 'x' });
    const headers = { 'content-type': 'application/json' };
    const heavyKinds = new Set<number | string>();
    const heavy = () =>
      fetch(`${url}/api/v1/auth/login`, { method: 'POST', headers, body }).then(
        async (answer) => (await answer.text(), heavyKinds.add(answer.status)),
        (fault: unknown) => heavyKinds.add(String(fault)),
      );
    await until(async () => {
      await Promise.all(Array.from({ length: 30 }, heavy));
      return system.lines.some(({ msg, reason }) => msg.startsWith('a process has served its time') && reason === 'memory');
    });
    await until(() => !mainsOf(system).some(({ pid }) => pid === before?.pid));
    const { kinds } = await over();
    expect(kinds).toEqual([200]);
    expect([...heavyKinds]).toEqual([422]);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });
});
