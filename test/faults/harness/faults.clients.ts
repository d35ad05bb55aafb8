import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { newId } from '../../../src/kernel/ids.js';
import { pause } from '../../../src/kernel/waiting.js';
import { send } from './asking.js';
import { everything, fault, type Ground } from './fault.js';
import { settled } from './judge.js';

const SLOW = 400;
/** More by way of nginx than it asks both instances for at once where it bounds that. */
const SLOW_BODIES = 2_400;
const DRIP_MS = 1_000;
const IDLE = 10_000;
const AT_ONCE = 250;
/** Else it is no fault that was injected. */
const LEAST_OPEN = 0.99;
const SIGN_INS = 300;
const BOMBS = 20;
const BOMB_AGAIN_MS = 5_000;
/** More than lies there of any refusal. */
const LEAST_UNREAD = 10_000;
const MB = 1_048_576;

const portOf = (url: string) => Number(new URL(url).port);

/** From many addresses, as one alone is held down at the door. */
async function openMany(ports: readonly number[], many: number): Promise<Socket[]> {
  const all: Socket[] = [];
  for (let n = 0; n < many; n += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, many - n) }, (_, i) => {
      const at = n + i;
      const socket = connect({ port: ports[at % ports.length]!, host: '127.0.0.1', localAddress: `127.1.${at >> 8}.${at & 255}` });
      socket.on('error', () => undefined);
      return socket;
    });
    await Promise.all(some.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined)));
    all.push(...some);
  }
  const open = all.filter((socket) => socket.readyState === 'open').length;
  if (open < many * LEAST_OPEN) throw new Error(`only ${open} of ${many} connections could be opened`);
  return all;
}

const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');

/** How much lies before each that it has not taken, as the kernel knows it. */
function unreadBytes(sockets: readonly Socket[]): number[] {
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  const lying = new Map(
    lines.map((line) => {
      const [, own = '', , , queues = ''] = line.trim().split(/\s+/);
      return [own, parseInt(queues.split(':')[1] ?? '', 16)] as const;
    }),
  );
  return sockets.map(({ localAddress = '', localPort = 0 }) => {
    const address = localAddress
      .split('.')
      .reverse()
      .map((part) => hex(Number(part), 2));
    return lying.get(`${address.join('')}:${hex(localPort, 4)}`) ?? 0;
  });
}

/** Half at nginx and half past it, at the instances themselves. */
const doors = ({ site }: Ground) => [portOf(site.url), site.instances[0].port, portOf(site.url), site.instances[1].port];

/** Each says its first words, and then a letter now and then; all are to be sent away in time. */
async function drip(ground: Ground, many: number, first: string) {
  const sockets = await openMany(doors(ground), many);
  for (const socket of sockets) socket.resume().write(first);
  const dripping = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write('x');
  }, DRIP_MS);
  return () => {
    clearInterval(dripping);
    const left = sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
    for (const socket of sockets) socket.destroy();
    ground.note(`${many - left} of ${many} were sent away`);
    return left > 0 ? Promise.reject(new Error(`${left} of ${many} were still there`)) : Promise.resolve();
  };
}

const bombs: readonly { what: string; headers?: Record<string, string>; body: () => string | Buffer; expected: readonly number[] }[] = [
  { what: '8 MB', body: () => JSON.stringify({ message: 'x'.repeat(8 * MB) }), expected: [413] },
  { what: 'deep', body: () => '['.repeat(400_000) + ']'.repeat(400_000), expected: [400] },
  { what: 'many keys', body: () => `{${Array.from({ length: 60_000 }, (_, n) => `"k${n}":1`).join()}}`, expected: [400, 422] },
  { what: 'packed', headers: { 'content-encoding': 'gzip' }, body: () => gzipSync(Buffer.alloc(50 * MB)), expected: [400, 413, 415] },
  { what: 'no JSON', body: () => Buffer.alloc(900_000, 0xff), expected: [400] },
];

export const clientFaults = [
  fault({
    name: `${SLOW} clients send their headers letter by letter`,
    promise: 'they are sent away, and nobody else notices',
    ...{ seconds: 20, spares: everything, backSeconds: 1 },
    inject: (ground) => drip(ground, SLOW, 'GET /api/v1/campaigns HTTP/1.1\r\nhost: edge.test\r\nx-slow: '),
  }),
  fault({
    name: `${SLOW_BODIES.toLocaleString('en')} clients send their bodies letter by letter`,
    promise: 'they are sent away, and nobody else notices',
    ...{ seconds: 40, spares: everything, backSeconds: 1 },
    inject: (ground) =>
      drip(
        ground,
        SLOW_BODIES,
        'POST /api/v1/auth/login HTTP/1.1\r\nhost: edge.test\r\ncontent-type: application/json\r\ncontent-length: 900000\r\n\r\n{"email":"',
      ),
  }),
  fault({
    name: `${SLOW} clients ask for much and do not read it`,
    promise: 'nobody else notices',
    ...{ seconds: 10, spares: everything, backSeconds: 1 },
    async inject(ground) {
      const sockets = await openMany(doors(ground), SLOW);
      const ask = 'GET /api/openapi.json HTTP/1.1\r\nhost: edge.test\r\n\r\n';
      for (const socket of sockets) socket.pause().write(ask.repeat(5));
      return async () => {
        const lying = unreadBytes(sockets);
        for (const socket of sockets) socket.destroy();
        const many = lying.filter((bytes) => bytes >= LEAST_UNREAD).length;
        const kB = (bytes: number) => Math.round(bytes / 1_024);
        ground.note(
          `${many} of ${SLOW} had up to ${kB(Math.max(...lying))} kB before them, ${kB(lying.reduce((all, one) => all + one, 0))} kB together`,
        );
        if (many < SLOW * LEAST_OPEN) throw new Error(`only ${many} of ${SLOW} had much to read`);
      };
    },
  }),
  fault({
    name: `${IDLE.toLocaleString('en')} connections lie idle`,
    promise: 'they are sent away after 10 s, and nobody else notices',
    ...{ seconds: 12, spares: everything, backSeconds: 1 },
    async inject(ground) {
      const sockets = await openMany([portOf(ground.site.url)], IDLE);
      const open = () => sockets.filter((socket) => socket.readyState === 'open').length;
      ground.note(`${open()} were open at once`);
      return () => {
        const left = open();
        for (const socket of sockets) socket.destroy();
        ground.note(`${left} after 12 s`);
        return left > 0 ? Promise.reject(new Error(`${left} of ${IDLE} were still there`)) : Promise.resolve();
      };
    },
  }),
  fault({
    name: `${SIGN_INS} people sign in at once, with passwords that are wrong`,
    promise: 'each is answered, or told when to come again; nobody else notices',
    ...{ seconds: 1, spares: everything, backSeconds: 5 },
    async inject({ site, note }) {
      const tries = Array.from({ length: SIGN_INS }, (_, n) =>
        send(site.url, {
          ...{ method: 'POST', path: '/api/v1/auth/login', address: `198.21.${n >> 8}.${n & 255}` },
          body: { email: `${newId()}@example.org`, password: 'not the one that is right' },
        }),
      );
      return async () => {
        const answers = await Promise.all(tries);
        const judged = answers.filter(({ status }) => status === 401).length;
        const later = answers.filter(({ status, retryAfter }) => (status === 503 || status === 429) && retryAfter > 0).length;
        note(`${judged} were answered, ${later} told when to come again`);
        if (judged + later < SIGN_INS || judged === 0) throw new Error(`${SIGN_INS - judged - later} got another answer`);
      };
    },
  }),
  fault({
    name: `${bombs.length * BOMBS} bodies that are too large, too deep or no JSON`,
    promise: 'each is refused, and nobody else notices',
    ...{ seconds: 1, spares: everything, backSeconds: 3 },
    async inject({ site, note }) {
      const odd: string[] = [];
      for (const { what, headers, body, expected } of bombs) {
        const bytes = body();
        const throwOne = async (n: number) => {
          const from = { 'content-type': 'application/json', 'x-forwarded-for': `198.22.0.${n}` };
          const asked = { method: 'POST', headers: { ...from, ...headers }, body: bytes };
          // Whoever is sent away in the middle of many words may not hear why.
          const throwIt = () =>
            fetch(`${site.url}/api/v1/auth/login`, asked).then(
              async (answer) => (await answer.text(), answer.status),
              () => (bytes.length > MB ? 413 : 0),
            );
          // Who is told that it is too much at once comes again: that is no judgement of what he brought.
          const status = await settled(throwIt, (answer) => answer !== 503, BOMB_AGAIN_MS);
          if (!expected.includes(status)) odd.push(`${what}: ${status}`);
        };
        await Promise.all(Array.from({ length: BOMBS }, (_, n) => throwOne(n)));
        await pause(20);
      }
      note(`${bombs.length * BOMBS - odd.length} of ${bombs.length * BOMBS} were refused`);
      return () => (odd.length > 0 ? Promise.reject(new Error([...new Set(odd)].join())) : Promise.resolve());
    },
  }),
];
