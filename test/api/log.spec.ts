import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { pause } from '../../src/kernel/waiting.js';

const log = pathToFileURL('.build/src/observability/log.js').href;
const children: ChildProcess[] = [];
type Line = Record<string, unknown> & { level: string; msg: string };

/** A real process that has `log` and writes to a pipe; what it sends comes back over another channel. */
function writer(code: string, level = 'info') {
  const program = `import { createLog } from '${log}';\nconst log = createLog({ LOG_LEVEL: '${level}', DEBUG: false }, 'sample');\n${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  children.push(child);
  return child as typeof child & { stdout: NonNullable<typeof child.stdout> };
}

async function textOf(child: ReturnType<typeof writer>): Promise<string> {
  let text = '';
  for await (const part of child.stdout.setEncoding('utf8')) text += String(part);
  return text;
}

const linesIn = (text: string) =>
  text
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

async function written(code: string, level?: string): Promise<{ text: string; lines: Line[] }> {
  const text = await textOf(writer(`${code}\nawait log.settle();\nprocess.disconnect();`, level));
  return { text, lines: linesIn(text) };
}

afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

describe('a line', () => {
  it('is one JSON object with what a search needs', async () => {
    const { lines } = await written(`log.info({ path: '/x', ms: 1.5, when: new Date(0) }, 'two\\nlines');`);
    expect(lines).toEqual([
      expect.objectContaining({ level: 'info', part: 'sample', path: '/x', ms: 1.5, when: '1970-01-01T00:00:00.000Z', msg: 'two\nlines' }),
    ]);
    expect(lines[0]).toMatchObject({
      pid: expect.any(Number) as number,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    });
  });

  it('is left out below the level', async () => {
    const { lines } = await written(`log.info('no'); log.warn('yes'); log.error({ job: 7 }, 'more');`, 'warn');
    expect(lines).toEqual([expect.objectContaining({ msg: 'yes' }), expect.objectContaining({ level: 'error', job: 7, msg: 'more' })]);
  });

  it('tells an error with its code, its stack and its causes', async () => {
    const { lines } = await written(`
      const cause = Object.assign(new RangeError('inner'), { code: 'E1' });
      log.error({ err: new Error('outer', { cause }) }, 'failed');
      log.error(new AggregateError([new Error('first')], 'several'));`);
    expect(lines[0]).toMatchObject({ msg: 'failed', err: { type: 'Error', message: 'outer', cause: { type: 'RangeError', code: 'E1' } } });
    expect(lines[1]).toMatchObject({ msg: 'several', err: { errors: [{ message: 'first' }] } });
    expect(lines[0]?.err).toHaveProperty('stack', expect.stringContaining('Error: outer\n    at '));
  });

  it('is written whatever it is made of', async () => {
    const { lines } = await written(`
      const ring = { name: 'ring' }; ring.ring = ring;
      log.info({ ring, big: 12n, none: null, link: new URL('https://u:word@h/x'), bytes: Buffer.alloc(1e6), map: new Map([['a', 1]]) }, 'odd');
      log.info({ get trap() { throw new Error('trapped'); } }, 'trap');
      log.info({ long: 'x'.repeat(1e6), list: Array.from({ length: 1e5 }, (_, i) => i) }, 'y'.repeat(1e6));
      log.info('last');`);
    expect(lines.map(({ msg }) => msg.slice(0, 4))).toEqual(['odd', 'trap', 'yyyy', 'last']);
    expect(lines[0]).toMatchObject({ big: 12, none: null, link: 'https://[hidden]@h/x', bytes: '[1000000 bytes]' });
    expect(JSON.stringify(lines[2]).length).toBeLessThan(40_000);
  });
});

describe('secrets and personal data stay out', () => {
  it('by the name they are under', async () => {
    const { text } = await written(`
      log.info({
        password: 'word-1', headers: { authorization: 'word-2', Cookie: 'word-3', 'x-api-key': 'word-4', 'set-cookie': ['word-5'] },
        user: { email: 'word-6', phone: 'word-7', cpf: 'word-8', profile: { refreshToken: 'word-9' } },
        keys: [{ secretKey: 'word-10' }, { client_secret: 'word-11' }], otp: 'word-12', brCode: 'word-13', to: 'word-14', donor: { name: 'word-15' },
        passphrase: 'word-16', privateKey: 'word-17', credentials: { user: 'word-18' }, donorEmail: 'word-19', phoneNumber: 'word-20',
      }, 'kept');
      log.info('%o', { password: 'word-21' });`);
    expect(text).not.toContain('word-');
    expect(text).toContain('kept');
    expect(text.match(/\[hidden\]/g)?.length).toBeGreaterThan(15);
  });

  it.each([
    ['an address of a person', 'sent to ana.maria+x@exemplo.com.br', 'ana.maria'],
    ['an address in quotes', 'sent to "ana@exemplo.com" and <ana@exemplo.com>', 'ana@'],
    ['a bearer token', 'Authorization: Bearer abc.def-ghi', 'abc.def'],
    ['a password in an address', 'cannot reach postgres://app:geheim@db/app', 'geheim'],
    ['a password with a slash in an address', 'cannot reach redis://:ge/heim@db', 'heim'],
    ['a password in a query', 'GET /x?password=geheim&y=1', 'geheim'],
    ['a token in a query', 'GET /x?access_token=geheim', 'geheim'],
    ['our own keys', 'key mt_live_geheim refused', 'geheim'],
    ['a provider key', 'key sk-proj-0123456789abcdefgeheim refused', 'geheim'],
    ['a signed token', 'jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.geheim refused', 'geheim'],
    ['a CPF', 'donor 123.456.789-09 refused', '456.789'],
    ['a phone number', 'message to +5511987654321 failed', '5511'],
  ])('%s, wherever it is said', async (_what, saying, secret) => {
    const { text, lines } = await written(`
      const saying = ${JSON.stringify(saying)};
      log.info(saying);
      log.info({ note: saying, deep: [{ note: saying }] }, 'said: %s', saying);
      log.info('%j', { note: saying });
      log.error(new Error(saying, { cause: new Error(saying) }));
      log.error({ err: new Error(saying) });
      log.error({ err: new Error(saying), reason: saying }, 'failed');
      log.info(undefined, saying);`);
    expect(lines).toHaveLength(7);
    expect(text).not.toContain(secret);
    expect(text).toContain('[hidden]');
  });

  it('without hiding what is neither', async () => {
    const plain = 'GET /campaigns/3?page=2 at 10.0.0.1:3000 in 12.5 ms, @nestjs/core 12.5.1, 2026-11-20T10:00:00.000Z';
    const { lines } = await written(`log.info({ path: '/x', status: 200, requestId: '0199-abc' }, ${JSON.stringify(plain)});`);
    expect(lines[0]).toMatchObject({ path: '/x', status: 200, requestId: '0199-abc', msg: plain });
  });

  it('in time that grows with the text alone', async () => {
    const { lines } = await written(`
      const began = performance.now();
      log.info({ text: 'a'.repeat(8_000) + '@' }, 'b'.repeat(8_000) + '@');
      log.info({ text: '://'.repeat(4_000) + '@' }, 'Bearer '.repeat(2_000));
      log.info({ ms: performance.now() - began }, 'time');`);
    expect(lines.at(-1)?.ms).toBeLessThan(200);
  });
});

it('processes that write to one pipe, more than it takes at once, leave each other’s lines whole', async () => {
  const program = `import { createLog } from '${log}';
    const log = createLog({ LOG_LEVEL: 'info', DEBUG: false }, 'sample');
    for (let n = 0; n < 1_000; n++) log.info({ filling: 'é'.repeat(n % 200) }, 'line');`;
  const child = writer(`
    const { spawn } = await import('node:child_process');
    const arguments_ = ['--input-type=module', '-e', ${JSON.stringify(program)}];
    for (let n = 0; n < 3; n++) spawn(process.execPath, arguments_, { stdio: ['ignore', 'inherit', 'inherit'] });
    process.disconnect();`);
  // Until each has more to say than there is room for.
  await pause(1_000);
  expect(linesIn(await textOf(child))).toHaveLength(3_000);
});

describe('a reader that stands still', () => {
  const flood = `
    let written = 0;
    const began = performance.now();
    let worst = 0, last = performance.now();
    setInterval(() => { const now = performance.now(); worst = Math.max(worst, now - last - 10); last = now; }, 10);
    const timer = setInterval(() => {
      for (let i = 0; i < 500; i++) log.info({ n: ++written, filling: 'x'.repeat(200) }, 'line');
      if (written < 50_000) return;
      clearInterval(timer);
      process.send({ written, worst, rss: process.memoryUsage().rss, ms: performance.now() - began });
    }, 10);`;

  it('blocks nothing, costs bounded memory, and hears afterwards what it missed', async () => {
    const child = writer(`${flood}
      process.on('message', async () => { log.info('after'); await log.settle(); process.exit(); });`);
    const [report] = (await once(child, 'message')) as [{ written: number; worst: number; rss: number }];
    expect(report.worst).toBeLessThan(1_000);
    expect(report.rss).toBeLessThan(200 * 1024 ** 2);
    const reading = textOf(child);
    await pause(500);
    child.send('go on');
    const lines = linesIn(await reading);
    const dropped = lines.filter(({ msg }) => msg.startsWith('log lines dropped')).reduce((sum, line) => sum + Number(line.dropped), 0);
    const seen = lines.filter(({ msg }) => msg === 'line').length;
    expect(dropped).toBeGreaterThan(10_000);
    expect(seen + dropped).toBe(report.written);
    expect(lines.at(-1)?.msg).toBe('after');
  });

  it('does not hold up the end', async () => {
    const child = writer(`${flood}
      process.on('message', async () => { const began = performance.now(); await log.settle(); process.send({ ms: performance.now() - began }, () => process.exit(7)); });`);
    await once(child, 'message');
    child.send('end');
    const [{ ms }] = (await once(child, 'message')) as [{ ms: number }];
    expect(ms).toBeLessThan(1_000);
    expect(await once(child, 'exit')).toEqual([7, null]);
  });

  it('may go away without ending us', async () => {
    const child = writer(`setInterval(() => log.info('on'), 5); setTimeout(() => process.send('alive', () => process.exit(7)), 500);`);
    child.stdout.destroy();
    expect(await once(child, 'message')).toEqual(['alive', undefined]);
    expect(await once(child, 'exit')).toEqual([7, null]);
  });
});
