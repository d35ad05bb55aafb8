import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { newId } from '../../../src/kernel/ids.js';
import { pause } from '../../../src/kernel/waiting.js';
import { chance } from '../../load/night/mix.js';
import { done, everything, fault, type Ground } from './fault.js';
import type { Site } from './site.js';

/** As docker/nginx has it: towards the instances, and towards clients. */
const INSTANCES_MS = 60_000;
const CLIENTS_MS = 65_000;
/** Held at once, so that nginx opens as many to the instances, on both of its ways to them. */
const HELD = 96;
/** Between the first that becomes idle and the last: so that at the moment some are as old as they may be, and some almost. */
const SPREAD_MS = 1_000;
const CLIENTS = 240;
/** Of so many clients one gives, the others read. */
const ONE_GIVES = 4;
const CLIENTS_SPREAD_MS = 500;
const ANSWER_MS = 20_000;
const UNREAD = 422;

const until = (at: number) => pause(at - performance.now());

/** Questions whose last letter is not said yet: each holds a connection to an instance, and would not be sent a second time. */
async function holdMany({ url, owner }: Site, from: string): Promise<ClientRequest[]> {
  const all = Array.from({ length: HELD }, (_, n) =>
    request(`${url}${n % 2 === 0 ? '/api/v1/auth/login' : '/api/v1/ai/chat'}`, {
      ...{ method: 'POST', agent: false, timeout: ANSWER_MS },
      headers: {
        ...{ 'content-type': 'application/json', 'content-length': 2, 'x-forwarded-for': `${from}.${n}` },
        authorization: `Bearer ${owner.token}`,
      },
    }),
  );
  await Promise.all(
    all.map(async (asked) => {
      asked.on('timeout', () => asked.destroy(new Error('no answer')));
      asked.write('{');
      await once(asked, 'socket');
    }),
  );
  return all;
}

/** Says the last letter of each, spread over so long, and gives what was answered to those that should be refused as unreadable, and were not. */
async function endMany(all: readonly ClientRequest[], spreadMs: number): Promise<string[]> {
  const began = performance.now();
  const answers = await Promise.all(
    all.map(async (asked, n) => {
      const answered = once(asked, 'response').then(
        ([answer]) => String((answer as IncomingMessage).resume().statusCode),
        (fault: unknown) => String(fault),
      );
      await until(began + (n / all.length) * spreadMs);
      asked.end('}');
      return answered;
    }),
  );
  return answers.filter((answer) => answer !== String(UNREAD));
}

const ESTABLISHED = '01';

/** Connections from this machine to the instances, each by its own port. */
function connectionsTo(ports: readonly number[]): Set<string> {
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  const found = lines.flatMap((line) => {
    const [, own = '', other = '', state] = line.trim().split(/\s+/);
    return state === ESTABLISHED && ports.includes(parseInt(other.split(':')[1] ?? '', 16)) ? [own] : [];
  });
  return new Set(found);
}

/** What nginx keeps to the instances is as old as it may be, and is wanted at that moment, all of it at once. */
async function betweenThem({ site, note }: Ground, began: number) {
  const ports = site.instances.map(({ port }) => port);
  const before = connectionsTo(ports);
  const first = await endMany(await holdMany(site, '198.23.0'), SPREAD_MS);
  await until(began + INSTANCES_MS - 500);
  const kept = [...connectionsTo(ports)].filter((one) => !before.has(one));
  await until(began + INSTANCES_MS + SPREAD_MS / 2);
  const second = await endMany(await holdMany(site, '198.23.1'), 0);
  const now = connectionsTo(ports);
  const used = kept.filter((one) => now.has(one)).length;
  note(
    `of ${kept.length} connections that nginx kept to the instances for a minute it used ${used} at that moment and closed ${kept.length - used}`,
  );
  return [
    ...(used === 0 || used === kept.length ? [`of ${kept.length} that were kept, ${used} were used`] : []),
    ...[...first, ...second].map((answer) => `a question that was held was answered ${answer}`),
  ];
}

interface Heard {
  status: number;
  /** What came before it was closed. */
  bytes: number;
}

/** One answer, or what there was of it when the connection ended. */
function hear(socket: Socket): Promise<Heard> {
  return new Promise((resolve) => {
    let text = '';
    const end = () => {
      socket.removeAllListeners('data');
      resolve({ status: 0, bytes: text.length });
    };
    socket.once('close', end);
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const [head = '', body] = text.split(/\r\n\r\n(.*)/s);
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? NaN);
      if (body === undefined || !(body.length >= length || body.endsWith('0\r\n\r\n'))) return;
      socket.off('close', end).removeAllListeners('data');
      resolve({ status: Number(head.slice(9, 12)), bytes: text.length });
    });
  });
}

async function open(url: string): Promise<Socket> {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay();
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.setTimeout(ANSWER_MS + CLIENTS_MS, () => socket.destroy());
  return socket;
}

/** Who gives, and who reads, on connections that nginx closes at just this moment. */
async function atTheDoor({ site, draw, note }: Ground) {
  const { url, people, campaigns, rows } = site;
  const mark = `kept ${newId()} `;
  const gives = (n: number) => n % ONE_GIVES === 0;
  const words = (n: number) => {
    const about = `host: edge.test\r\nx-forwarded-for: 198.24.${n >> 8}.${n & 255}\r\n`;
    if (!gives(n)) return `GET /api/v1/plans?fresh=${newId()} HTTP/1.1\r\n${about}\r\n`;
    const person = people[n % people.length]!;
    const body = JSON.stringify({ amountCents: 100, method: 'pix', message: `${mark}${n}` });
    const path = `/api/v1/campaigns/${campaigns[n % campaigns.length]}/donations`;
    const more = `authorization: Bearer ${person.token}\r\nidempotency-key: ${mark.replaceAll(' ', '')}${n}\r\ncontent-type: application/json`;
    return `POST ${path} HTTP/1.1\r\n${about}${more}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  };
  const ask = (socket: Socket, text: string) => {
    const heard = hear(socket);
    socket.write(text);
    return heard;
  };
  const counts = { answered: 0, closedBefore: 0, closedAtOnce: 0 };
  const wrong: string[] = [];
  const jitter = chance(Math.floor(draw() * 1e6));
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, n) => {
      const socket = await open(url);
      await ask(socket, `GET /api/v1/plans HTTP/1.1\r\nhost: edge.test\r\nx-forwarded-for: 198.24.${n >> 8}.${n & 255}\r\n\r\n`);
      const idle = performance.now();
      await until(idle + CLIENTS_MS + CLIENTS_SPREAD_MS * (jitter() - 0.5));
      const isRight = (status: number) => status === (gives(n) ? 201 : 200);
      const wasOpen = socket.readyState === 'open';
      const text = words(n);
      const { status, bytes } = wasOpen ? await ask(socket, text) : { status: 0, bytes: 0 };
      if (isRight(status)) counts.answered += 1;
      else if (status !== 0 || bytes > 0) wrong.push(`a client was answered ${status}, with ${bytes} bytes`);
      else {
        if (wasOpen) counts.closedAtOnce += 1;
        else counts.closedBefore += 1;
        const done = await rows('SELECT FROM donations WHERE message = $1', [`${mark}${n}`]);
        if (done.length > 0) wrong.push('a gift was taken, and its giver was not told');
        const again = await open(url);
        const { status: next } = await ask(again, text);
        again.destroy();
        if (!isRight(next)) wrong.push(`a client who came again was answered ${next}`);
      }
      socket.destroy();
    }),
  );
  const gifts = await rows('SELECT FROM donations WHERE message LIKE $1', [`${mark}%`]);
  if (gifts.length !== CLIENTS / ONE_GIVES) wrong.push(`of ${CLIENTS / ONE_GIVES} gifts ${gifts.length} are there`);
  const { answered, closedBefore, closedAtOnce } = counts;
  note(
    `of ${CLIENTS} that clients kept ${answered} were used, ${closedBefore} were closed, ${closedAtOnce} at the very moment, before anything was read`,
  );
  if (answered === 0 || closedBefore + closedAtOnce === 0) wrong.push(`of ${CLIENTS} that clients kept, ${answered} were used`);
  return wrong;
}

export const keptFaults = [
  fault({
    name: 'kept connections are used at the very moment at which they have been idle for too long',
    promise: 'no request fails between nginx and an instance; who asks where nginx hangs up has asked nothing, and may ask again',
    ...{ seconds: 1, spares: everything, backSeconds: 1 },
    async inject(ground) {
      const began = performance.now();
      const wrong = await Promise.all([betweenThem(ground, began), atTheDoor(ground)]);
      if (wrong.flat().length > 0) throw new Error([...new Set(wrong.flat())].join('; '));
      return done;
    },
  }),
];
