import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import * as answers from './openai.answers.js';
import type { Entry, Json, Path, Ways } from './openai.answers.js';
import { formIn, heardIn, heardUsage } from './openai.audio.js';

/** How it treats who comes: as it should, or in one of the ways in which providers fail. */
export type Manner =
  | 'well'
  /** Takes the question and says nothing. */
  | 'silent'
  /** Begins a stream, says that it is there every few milliseconds, and nothing else. */
  | 'only comments'
  | 'html'
  /** The right answer under a wrong name. */
  | 'plain'
  | 'truncated'
  | 'redirect'
  /** Hangs up instead of an answer. */
  | 'hang up'
  /** Words without end, whatever was asked for. */
  | 'flood'
  | 'no done'
  | 'no usage'
  /** Bytes that come one by one, other ends of lines, comments, and data of several lines. */
  | 'odd'
  /** Each piece waits until the test lets it go. */
  | 'gated'
  | { firstByteMs: number }
  | { pieceMs: number }
  /** Destroys the socket after so many pieces. */
  | { cutAfter: number }
  | { errorAfter: number }
  /** Says no more after so many pieces, until its caller goes. */
  | { stopAfter: number }
  /** One line of so many bytes. */
  | { lineBytes: number }
  | { status: number; retryAfter?: string; error?: unknown }
  | { usage: unknown }
  /** Pieces, or a body, of its own in place of the right ones. */
  | { says: unknown };

export const KEY = 'sk-key-of-tests-0123456789';
const SLICE = Buffer.alloc(64 * 1024, 'x');
const paths: Record<string, Path> = {
  'POST /v1/chat/completions': 'chat',
  'POST /v1/embeddings': 'embeddings',
  'POST /v1/audio/transcriptions': 'transcriptions',
  'GET /v1/models': 'models',
};

class Gone extends Error {}

function still({ destroyed }: ServerResponse): void {
  if (destroyed) throw new Gone();
}

/** OpenAI's API, with a ledger of its own: it does not know what its callers believe. */
export async function startOpenAI({
  key = KEY,
  words = 12,
  models = ['model-of-tests'],
  tokensOf = answers.tokensIn,
  opening = () => undefined,
}: Partial<Ways> = {}) {
  const ledger: Entry[] = [];
  const sockets = new Set<Socket>();
  const news = new EventEmitter().setMaxListeners(0);
  let orders: { how: Manner; times: number; at?: Path; of?: string }[] = [];
  let passes = 0;
  let connections = 0;

  /** The first order that is for this call and not used up. */
  function mannerFor({ path, model }: Entry): Manner {
    const order = orders.find(({ at, of, times }) => times > 0 && (at ?? path) === path && (of ?? model) === model);
    if (!order) return 'well';
    order.times -= 1;
    return order.how;
  }

  async function until(met: () => boolean): Promise<void> {
    while (!met()) await once(news, 'news');
  }

  /** Counts what the socket has taken. */
  async function emit(entry: Entry, response: ServerResponse, data: Buffer, tokens = 0): Promise<void> {
    still(response);
    if (!response.write(data)) await once(response, 'drain');
    still(response);
    entry.completionTokens += tokens;
    entry.bytes += data.length;
    news.emit('news');
  }

  async function json(
    entry: Entry,
    response: ServerResponse,
    body: unknown,
    { how = 'well', status = 200, headers = {}, tokens = 0 }: { how?: Manner; status?: number; headers?: object; tokens?: number } = {},
  ) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const type = how === 'html' ? 'text/html' : how === 'plain' ? 'text/plain' : 'application/json';
    response.writeHead(status, { 'content-type': type, ...headers });
    await emit(entry, response, Buffer.from(how === 'truncated' ? text.slice(0, -10) : text), tokens);
  }

  /** Before a piece: whatever keeps it waiting. */
  async function pace(how: Manner, response: ServerResponse, said: number): Promise<void> {
    if (how === 'gated') {
      await until(() => passes > 0 || response.destroyed);
      still(response);
      passes -= 1;
    } else if (typeof how === 'object' && 'stopAfter' in how && said === how.stopAfter) {
      await until(() => response.destroyed);
      still(response);
    } else if (typeof how === 'object' && 'pieceMs' in how) await sleep(how.pieceMs);
    else await turn();
  }

  async function line(entry: Entry, response: ServerResponse, bytes: number): Promise<void> {
    await emit(entry, response, Buffer.from('data: {"x":"'));
    for (let left = bytes; left > 0; left -= SLICE.length) await emit(entry, response, SLICE.subarray(0, left));
    await emit(entry, response, Buffer.from('"}\n\n'));
  }

  /** The pieces with the tokens of each. */
  function* piecesFor(entry: Entry, how: Manner): Generator<[piece: unknown, tokens: number]> {
    if (typeof how === 'object' && 'says' in how) return yield* (how.says as unknown[]).map((each): [unknown, number] => [each, 0]);
    const make = answers.piecesOf(entry.model, opening(entry.body.messages));
    const choices = Array.from({ length: answers.choicesOf(entry.body) }, (_, index) => index);
    const { most, cut } = lengthOf(entry, how);
    for (let at = 0; at < most; at += 1) for (const index of choices) yield [make.word(index, at), 1];
    for (const index of choices) yield [make.last(index, cut), 0];
    const options = entry.body.stream_options as { include_usage?: boolean } | undefined;
    if (options?.include_usage && how !== 'no usage') yield [make.usage(usageFor(entry, how, most * choices.length)), 0];
  }

  function lengthOf({ maxTokens = Infinity }: Entry, how: Manner): { most: number; cut: boolean } {
    if (how === 'flood') return { most: Infinity, cut: false };
    return { most: Math.min(words, maxTokens), cut: maxTokens < words };
  }

  const usageFor = (entry: Entry, how: Manner, tokens: number): unknown =>
    typeof how === 'object' && 'usage' in how ? how.usage : answers.usageOf(entry.promptTokens, tokens);

  async function stream(entry: Entry, how: Manner, response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': how === 'plain' ? 'text/plain' : 'text/event-stream; charset=utf-8' });
    const odd = how === 'odd';
    const say = async (data: string, tokens = 0) => {
      const framed = frameOf(data, odd);
      for (const part of framed.slice(0, -1)) await emit(entry, response, part);
      await emit(entry, response, framed.at(-1)!, tokens);
    };
    if (how === 'only comments') for (;;) await sleep(5).then(() => emit(entry, response, Buffer.from(': keep-alive\n\n')));
    if (typeof how === 'object' && 'lineBytes' in how) return line(entry, response, how.lineBytes);
    let said = 0;
    for (const [piece, tokens] of piecesFor(entry, how)) {
      await pace(how, response, said);
      if (typeof how === 'object' && 'cutAfter' in how && said === how.cutAfter) return void response.destroy();
      if (typeof how === 'object' && 'errorAfter' in how && said === how.errorAfter)
        return say(JSON.stringify(answers.problem(`The server had an error. ${key}`, 'server_error', 'server_error')));
      const text = typeof piece === 'string' ? piece : JSON.stringify(piece);
      if (how === 'truncated' && said === 1) return say(text.slice(0, -10));
      await say(text, tokens);
      said += 1;
    }
    if (how !== 'no done') await say('[DONE]');
  }

  async function whole(entry: Entry, how: Manner, response: ServerResponse): Promise<void> {
    if (typeof how === 'object' && 'says' in how) return json(entry, response, how.says);
    if (entry.path === 'models') return json(entry, response, answers.modelsOf(models), { how });
    if (entry.path === 'transcriptions') return heard(entry, how, response);
    const chat = entry.path === 'chat';
    const { most, cut } = lengthOf(entry, how);
    const choices = answers.choicesOf(entry.body);
    // A flood that is no stream is as long as anybody could want.
    const length = Number.isFinite(most) ? most : 2_000_000;
    for (let at = 0; at < length && how !== 'flood'; at += 1) await pace(how, response, at);
    const tokens = chat ? length * choices : 0;
    const told = usageFor(entry, how, tokens) as Json | undefined;
    const usage = chat || told === undefined ? told : { ...told, completion_tokens: undefined };
    const body = chat
      ? answers.completionOf(entry.model, { choices, words: length, cut, opening: opening(entry.body.messages) })
      : answers.embeddingsOf(entry.model, entry.body);
    await json(entry, response, how === 'no usage' ? body : { ...body, usage }, { how, tokens });
  }

  async function heard(entry: Entry, how: Manner, response: ServerResponse): Promise<void> {
    const { type, body } = heardIn(entry.body, how === 'flood' ? 2_000_000 : words);
    const usage = typeof how === 'object' && 'usage' in how ? how.usage : heardUsage(entry.body);
    const answer = typeof body === 'object' && how !== 'no usage' ? { ...body, usage } : body;
    await json(entry, response, answer, { how, ...(how !== 'plain' && { headers: { 'content-type': type } }) });
  }

  async function respond(entry: Entry, how: Manner, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers.authorization !== `Bearer ${key}`)
      return json(entry, response, answers.problem(`Incorrect API key provided: ${request.headers.authorization}.`, 'invalid_api_key'), {
        status: 401,
      });
    if (how === 'html') return json(entry, response, '<h1>502 Bad Gateway</h1>', { how });
    if (how === 'redirect') return void response.writeHead(302, { location: request.url });
    if (how === 'hang up') return void response.destroy();
    if (typeof how === 'object' && 'status' in how) {
      const headers = how.retryAfter === undefined ? {} : { 'retry-after': how.retryAfter };
      const body = how.error === undefined ? answers.problem(`Not this way. ${key}`, 'not_so') : { error: how.error };
      return json(entry, response, body, { status: how.status, headers });
    }
    if (typeof how === 'object' && 'firstByteMs' in how) await sleep(how.firstByteMs);
    await (entry.streamed ? stream(entry, how, response) : whole(entry, how, response));
  }

  const server = createServer((request, response) => {
    const path = paths[`${request.method} ${request.url}`];
    if (!path)
      return void response
        .writeHead(404, { 'content-type': 'application/json' })
        .end(JSON.stringify(answers.problem('Invalid URL.', null)));
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    const take = (body: Json) => {
      const entry = answers.entryFor(path, body, tokensOf);
      ledger.push(entry);
      response.on('close', () => {
        entry.done = response.writableFinished;
        if (!entry.done) entry.goneAt = performance.now();
        news.emit('news');
        // Whoever waits for the socket to take more sees that it takes nothing.
        response.emit('drain');
      });
      news.emit('news');
      const how = mannerFor(entry);
      if (how === 'silent') return;
      respond(entry, how, request, response).then(
        () => response.end(),
        (fault: unknown) => {
          if (!(fault instanceof Gone)) throw fault;
        },
      );
    };
    request.on('end', () => {
      const whole = Buffer.concat(parts);
      if (path === 'transcriptions') void formIn(whole, request.headers['content-type'] ?? '').then(take);
      else take(path === 'models' ? {} : (JSON.parse(whole.toString()) as Json));
    });
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    socket.setNoDelay();
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      news.emit('news');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    key,
    ledger,
    /** Connections that are open, and that ever were. */
    open: () => sockets.size,
    connections: () => connections,
    /** Resolves when this is so; looked at whenever something of the ledger changes. */
    until,
    /** A call that is so: the last one that came, unless it is said which one. */
    async entry(met: (entry: Entry) => boolean = () => true): Promise<Entry> {
      await until(() => ledger.some(met));
      return ledger.findLast(met)!;
    },
    /** For the next calls, or those of a path or a model; without a number until it is told otherwise. */
    behave(how: Manner, { times = Infinity, ...whose }: { times?: number; at?: Path; of?: string } = {}): void {
      orders = how === 'well' ? [] : [...orders, { how, times, ...whose }];
    },
    /** Lets so many pieces of those that are gated go. */
    release(pieces = Infinity): void {
      passes += pieces;
      news.emit('news');
    },
    async stop(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await once(server.close(), 'close');
    },
  };
}

export type OpenAIStandIn = Awaited<ReturnType<typeof startOpenAI>>;

const frameOf = (data: string, odd: boolean): Buffer[] => {
  const framed = answers.frame(data, odd);
  return odd ? Array.from(framed, (byte) => Buffer.from([byte])) : [framed];
};
