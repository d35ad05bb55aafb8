import { EventEmitter, once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomHex } from '../../src/kernel/ids.js';
import {
  CLOUD,
  faultsIn,
  listOf,
  metaError,
  METAS_TEMPLATES,
  signatureOf,
  waIdOf,
  type MetaTemplate,
  type Sent,
} from './cloud-api.answers.js';

/** How it treats a message: as it should, or in one of the ways in which such servers fail. */
export type Manner =
  | 'well'
  /** 502 with a page for people. */
  | 'html'
  /** Takes it and says nothing. */
  | 'silent'
  /** Takes it and hangs up instead of an answer. */
  | 'cut'
  /** Takes it, and answers with ten million bytes. */
  | 'flood'
  /** Takes it, and the answer breaks off. */
  | 'broken'
  | 'redirect'
  /** Answers well, but late. */
  | { slowMs: number }
  /** Meta's error of this code. */
  | { error: number; subcode?: number; status?: number; retryAfter?: string }
  /** An answer of its own in place of the right one. */
  | { says: string; status: number; type?: string };

export interface Entry {
  /** Milliseconds since 1970, to the microsecond. */
  at: number;
  /** `biz_opaque_callback_data`: our message. */
  id: string | undefined;
  to: string | undefined;
  body: Sent;
  /** Of one that was taken, whatever the answer was. */
  reference?: string;
}

export interface Order {
  times?: number;
  /** E.164 of whoever gets it; or a part of its text, its template's name or its parameters. */
  to?: string;
  text?: string;
  /** Whether the message counts as taken, where that is not plain from the manner. */
  taken?: boolean;
}

const VERSION = '/v23.0';
const FLOOD = 'x'.repeat(10_000_000);
const taking = (how: Manner) => (typeof how === 'string' ? ['well', 'silent', 'cut', 'flood', 'broken'].includes(how) : 'slowMs' in how);

/** Meta's Cloud API, as strict as it; each message is in its journal before it is answered. */
export async function startCloudApi({ templates = METAS_TEMPLATES, pageSize = 2 }: { templates?: MetaTemplate[]; pageSize?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mutirao-cloud-'));
  const file = join(folder, 'journal.jsonl');
  writeFileSync(file, '');
  const sockets = new Set<Socket>();
  const news = new EventEmitter().setMaxListeners(0);
  const counts = { messages: 0, lists: 0, connections: 0 };
  let orders: (Order & { how: Manner; times: number })[] = [];

  /** The first order that is for this message and not used up. */
  function orderFor(body: Sent): Order & { how: Manner } {
    const words = JSON.stringify([body.text?.body, body.template]);
    const order = orders.find(({ times, to, text }) => times > 0 && (to ?? `+${body.to}`) === `+${body.to}` && words.includes(text ?? ''));
    if (!order) return { how: 'well' };
    order.times -= 1;
    return order;
  }

  const json = (response: ServerResponse, status: number, body: unknown, headers = {}) =>
    response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers }).end(JSON.stringify(body));

  async function respond(how: Manner, right: object, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (how === 'silent') return;
    if (how === 'cut') return void request.socket.destroy();
    if (how === 'html') return void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>');
    if (how === 'redirect') return void response.writeHead(302, { location: request.url }).end();
    if (how === 'flood') return void json(response, 200, { flood: FLOOD, ...right });
    if (how === 'broken')
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(right).slice(0, -10));
    if (how !== 'well' && 'says' in how)
      return void response.writeHead(how.status, { 'content-type': how.type ?? 'application/json' }).end(how.says);
    if (how !== 'well' && 'error' in how) {
      const { status, body } = metaError(how.error, { ...how, quotes: request.headers.authorization });
      return void json(response, status, body, how.retryAfter === undefined ? {} : { 'retry-after': how.retryAfter });
    }
    if (how !== 'well') await sleep(how.slowMs);
    json(response, 200, right);
  }

  function message(body: Sent, request: IncomingMessage, response: ServerResponse): void {
    counts.messages += 1;
    const fault = faultsIn(body, templates);
    const { how, taken = taking(how) } = orderFor(body);
    const reference = `wamid.${randomHex(40)}`;
    const entry: Entry = {
      at: performance.timeOrigin + performance.now(),
      id: body.biz_opaque_callback_data,
      to: body.to,
      body,
      ...(taken && !fault && { reference }),
    };
    appendFileSync(file, `${JSON.stringify(entry)}\n`);
    news.emit('news');
    if (fault && how === 'well') return void json(response, fault.status, fault.body);
    const right = {
      messaging_product: 'whatsapp',
      contacts: [{ input: body.to, wa_id: waIdOf(body.to ?? '') }],
      messages: [{ id: reference, message_status: 'accepted' }],
    };
    void respond(how, right, request, response);
  }

  function list({ searchParams }: URL, response: ServerResponse): void {
    counts.lists += 1;
    const most = Math.min(pageSize, Number(searchParams.get('limit') ?? 25));
    json(response, 200, listOf(templates, Number(searchParams.get('after') ?? 0), most));
  }

  function answer(text: string, request: IncomingMessage, response: ServerResponse): void {
    const asked = new URL(request.url!, 'http://cloud.invalid');
    const unknown = () => {
      const { body } = metaError(100, { subcode: 33 });
      json(response, 400, body);
    };
    if (request.headers.authorization !== `Bearer ${CLOUD.WHATSAPP_ACCESS_TOKEN}`) {
      const { status, body } = metaError(190, { quotes: request.headers.authorization });
      json(response, status, body);
    } else if (request.method === 'POST' && asked.pathname === `${VERSION}/${CLOUD.WHATSAPP_PHONE_NUMBER_ID}/messages`)
      message(JSON.parse(text) as Sent, request, response);
    else if (request.method === 'GET' && asked.pathname === `${VERSION}/${CLOUD.WHATSAPP_BUSINESS_ACCOUNT_ID}/message_templates`)
      list(asked, response);
    else unknown();
  }

  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => answer(Buffer.concat(parts).toString(), request, response));
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket: Socket) => {
    counts.connections += 1;
    sockets.add(socket);
    socket.setNoDelay();
    socket.on('close', () => sockets.delete(socket));
    // Whoever is cut off while a late answer is on its way.
    socket.on('error', () => undefined);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${VERSION}`;
  const journal = (): Entry[] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Entry);

  return {
    url,
    env: { WHATSAPP_API_URL: url, ...CLOUD },
    counts,
    /** Every call of a message that came in, in order. */
    journal,
    /** What is in the journal once there is as much as this. */
    async heard(entries: number): Promise<Entry[]> {
      while (counts.messages < entries) await once(news, 'news');
      return journal();
    },
    /** For the next messages, or those of an order; without a number until it is told `well`. */
    behave(how: Manner, { times = Infinity, ...whose }: Order = {}): void {
      orders = how === 'well' ? [] : [...orders, { how, times, ...whose }];
    },
    /** Tells a webhook; `wrong` and `none` are of its signature. Gives back the statuses of the answers, as many as `times`. */
    async notify(
      webhook: string,
      body: object | string,
      { times = 1, proof = 'right' }: { times?: number; proof?: 'right' | 'wrong' | 'none' } = {},
    ) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const headers = { 'content-type': 'application/json', ...(proof !== 'none' && { 'x-hub-signature-256': signatureOf(text, proof) }) };
      const told = Array.from({ length: times }, () => fetch(webhook, { method: 'POST', headers, body: text }));
      return (await Promise.all(told)).map(({ status }) => status);
    },
    /** Refuses connections from now on, and ends those that there are. */
    leave,
    async close(): Promise<void> {
      await leave();
      rmSync(folder, { recursive: true, force: true });
    },
  };

  async function leave(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await once(server.close(), 'close');
  }
}

export type CloudApi = Awaited<ReturnType<typeof startCloudApi>>;
