import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLink, type FaultLink } from '../support/fault-proxy.js';
import { eventually } from '../support/lab.js';

/** Gives back what it hears. */
let echo: Server;
let heard: string;
let link: FaultLink;
let folder: string;
let path: string;
const callers: Socket[] = [];

beforeEach(async () => {
  heard = '';
  echo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => (heard += bytes.toString()));
    socket.pipe(socket);
  });
  folder = mkdtempSync(join(tmpdir(), 'mutirao-echo-'));
  path = join(folder, 'echo.sock');
  await once(echo.listen(path), 'listening');
  link = await openLink({ path });
});
afterEach(async () => {
  for (const caller of callers.splice(0)) caller.destroy();
  await link.close();
  echo.close();
  await once(echo, 'close');
  rmSync(folder, { recursive: true, force: true });
});

/** Somebody on this side of the link, and what he heard by now. */
async function call() {
  const socket = connect({ port: link.port, host: '127.0.0.1', allowHalfOpen: true });
  callers.push(socket);
  const told = { text: '', ended: false, fault: '' };
  socket.on('data', (bytes) => (told.text += bytes.toString()));
  socket.on('end', () => (told.ended = true));
  socket.on('error', (fault: NodeJS.ErrnoException) => (told.fault = fault.code ?? ''));
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
  return { socket, told };
}
type Call = Awaited<ReturnType<typeof call>>;
const hears = ({ told }: Call, text: string) =>
  eventually(
    () => Promise.resolve(told.text),
    (so) => so === text,
  );
const becomes = (ask: () => unknown, right: unknown) =>
  eventually(
    () => Promise.resolve(ask()),
    (answer) => answer === right,
  );
async function msOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
async function ask(caller: Call, text: string): Promise<void> {
  const before = caller.told.text;
  caller.socket.write(text);
  await hears(caller, before + text);
}

describe('A link', () => {
  it('hands on what is said, and that no more is said', async () => {
    const caller = await call();
    await ask(caller, 'one');
    await ask(caller, 'two');
    expect([link.open(), link.accepted()]).toEqual([1, 1]);
    caller.socket.end();
    await becomes(() => caller.told.ended, true);
    await becomes(() => link.open(), 0);
  });

  it('is late in both directions, and keeps the order', async () => {
    const caller = await call();
    await link.behave({ latencyMs: 150 });
    const ms = await msOf(async () => {
      for (const word of ['a', 'b', 'c', 'd', 'e', 'f']) {
        caller.socket.write(word);
        await new Promise((next) => setImmediate(next));
      }
      await hears(caller, 'abcdef');
    });
    expect(ms).toBeGreaterThanOrEqual(295);
  });

  it('hands on so many bytes a second', async () => {
    const caller = await call();
    await link.behave({ bytesPerSecond: 100_000 });
    const text = 'x'.repeat(40_000);
    expect(await msOf(() => ask(caller, text))).toBeGreaterThanOrEqual(350);
    await link.behave('well');
    await ask(caller, text);
  });

  it('swallows all, and hands it on when it is well again: what was open, and what came meanwhile', async () => {
    const before = await call();
    await ask(before, 'x');
    await link.behave('black hole');
    const during = await call();
    before.socket.write('y');
    during.socket.write('z');
    // Whatever there was to hand on, a second link of this machine would have.
    const beside = await openLink({ path });
    const other = connect(beside.port, '127.0.0.1');
    other.write('w');
    await once(other, 'data');
    other.destroy();
    await beside.close();
    expect([before.told.text, during.told.text, heard]).toEqual(['x', '', 'xw']);
    // Of what came in meanwhile nothing; `z` lies where nobody has read it yet.
    expect(link.traffic()).toEqual({ came: 3, handed: 2, failed: 0 });
    await link.behave('well');
    await Promise.all([hears(before, 'xy'), hears(during, 'z')]);
    expect(link.traffic()).toEqual({ came: 6, handed: 6, failed: 0 });
  });

  it('resets whoever is connected, and whoever comes', async () => {
    const before = await call();
    await ask(before, 'x');
    await link.behave('reset');
    await becomes(() => before.told.fault, 'ECONNRESET');
    const after = await call();
    await becomes(() => after.told.fault, 'ECONNRESET');
    expect(link.traffic().failed).toBe(2);
    await link.behave('well');
    await ask(await call(), 'x');
  });

  it('says that no more comes, and still hands on what it is told', async () => {
    const caller = await call();
    await ask(caller, 'x');
    await link.behave('half-close');
    await becomes(() => caller.told.ended, true);
    caller.socket.write('late');
    await becomes(() => heard, 'xlate');
    expect([caller.told.text, caller.told.fault]).toEqual(['x', '']);
    await link.behave('well');
    await ask(await call(), 'y');
  });

  it('refuses, and is there again under its address', async () => {
    const before = await call();
    await ask(before, 'x');
    await link.behave('refuse');
    await becomes(() => before.told.fault, 'ECONNRESET');
    expect((await call()).told.fault).toBe('ECONNREFUSED');
    await link.behave('well');
    await ask(await call(), 'y');
  });

  it('resets who comes where nobody is on the other side', async () => {
    const nowhere = await openLink({ path: '/nonexistent/nobody.sock' });
    const socket = connect(nowhere.port, '127.0.0.1');
    const [fault] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(fault.code).toBe('ECONNRESET');
    await nowhere.close();
  });
});
