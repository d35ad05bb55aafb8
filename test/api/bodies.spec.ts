import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEdge } from '../support/edge.js';
import { eventually } from '../support/lab.js';

let edge: Awaited<ReturnType<typeof openEdge>>;
beforeAll(async () => {
  edge = await openEdge();
});
afterAll(() => edge.close());

const socketTo = () => {
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  return socket;
};

describe('a body that nobody reads', () => {
  const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  const chunked = 'Transfer-Encoding: chunked\r\n';

  it.each([
    ['GET', '/health/live', 200, chunked],
    ['GET', '/edge/fail?how=secret', 500, chunked],
    ['DELETE', '/nowhere', 404, chunked],
    ['POST', '/nowhere', 404, chunked],
    ['POST', '/edge/echo', 415, `Content-Type: text/plain\r\n${chunked}`],
    ['POST', '/edge/echo', 413, `Content-Type: application/json\r\n${chunked}`],
    ['POST', '/edge/echo', 413, 'Content-Type: application/json\r\nContent-Length: 10000000000\r\n'],
    ['GET', '/health/live', 200, 'Content-Length: 10000000000\r\n'],
  ])('ends with the answer: %s %s, %i, %s', async (method, path, status, headers) => {
    const socket = socketTo();
    let said = '';
    let sent = 0;
    socket.setEncoding('latin1').on('data', (part: string) => (said += part));
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const send = () => {
      while (socket.writable && socket.write(piece)) sent += piece.length;
    };
    socket.on('drain', send);
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
    send();
    await closed;
    expect(said).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*\r\nConnection: close\r\n`, 'is'));
    expect(sent).toBeLessThan(20_000_000);
  });

  it.each([
    ['GET', '/health/live', ''],
    ['GET', '/health/live', 'Content-Length: 2\r\n'],
    ['POST', '/nowhere', 'Content-Length: 2\r\n'],
    ['POST', '/edge/echo', 'Content-Type: text/plain\r\nContent-Length: 2\r\n'],
    ['POST', '/edge/echo', 'Content-Type: application/json\r\nContent-Length: 2\r\n'],
  ])('but is small keeps its connection: %s %s %s', async (method, path, headers) => {
    const socket = socketTo();
    let said = '';
    socket.setEncoding('latin1').on('data', (part: string) => (said += part));
    for (let answers = 1; answers <= 3; answers += 1) {
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n${headers === '' ? '' : '{}'}`);
      await eventually(
        async () => said.match(/HTTP\/1\.1 \d/g)?.length,
        (count) => count === answers,
      );
    }
    socket.destroy();
    expect(said).not.toMatch(/connection: close/i);
  });

  it('and is ten megabytes long is refused in words that its sender hears', async () => {
    const body = JSON.stringify({ text: 'x'.repeat(10_000_000) });
    for (let n = 0; n < 10; n += 1) {
      const answer = await fetch(`${edge.url}/edge/echo`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([413, 'too_large']);
    }
  });

  it('nor one that was told in pieces and came to its end', async () => {
    const socket = socketTo();
    let said = '';
    socket.setEncoding('latin1').on('data', (part: string) => (said += part));
    socket.write(`POST /edge/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${chunked}\r\n2\r\n{}\r\n0\r\n\r\n`);
    await eventually(
      async () => said,
      (all) => all.includes('HTTP/1.1 201'),
    );
    socket.destroy();
    expect(said).toMatch(/connection: keep-alive/i);
  });
});
