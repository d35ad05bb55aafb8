import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createDynamicPix, hasError } from 'pix-utils';
import { newId, randomHex } from '../../src/kernel/ids.js';

/** How the bank treats who comes: as it should, or in one of the ways in which banks fail. */
export type Manner =
  | 'well'
  /** Takes the question and says nothing. */
  | 'silent'
  | 'html'
  /** The right answer under a wrong name. */
  | 'plain'
  | 'truncated'
  /** The right answer with ten million letters more. */
  | 'flood'
  | 'redirect'
  /** Does what it is asked, and hangs up instead of saying so. */
  | 'cut'
  | { slowMs: number }
  | { status: number; retryAfter?: string }
  /** A body of its own in place of the right one. */
  | { says: object };

export type Call = 'token' | 'put cob' | 'get cob' | 'put devolucao' | 'get devolucao';

interface Devolucao {
  id: string;
  rtrId: string;
  valor: string;
  horario: { solicitacao: string };
  status: 'EM_PROCESSAMENTO' | 'DEVOLVIDO' | 'NAO_REALIZADO';
}
interface Pix {
  endToEndId: string;
  txid: string;
  valor: string;
  chave: string;
  horario: string;
  devolucoes: Devolucao[];
}
interface Cob {
  calendario: { criacao: string; expiracao: number };
  txid: string;
  revisao: number;
  location: string;
  status: string;
  valor: { original: string };
  chave: string;
  solicitacaoPagador?: string;
  pixCopiaECola: string;
  pix?: Pix[];
}
interface Said {
  status: number;
  body: object;
}

const CLIENT = { clientId: 'client-of-tests', clientSecret: 'word-of-secret' };
const KEY = 'pix@mutirao.example';
const amount = /^\d{1,10}\.\d{2}$/;
const FLOOD = 'x'.repeat(10_000_000);

const problem = (
  status: number,
  name: string,
  title: string,
  ...violacoes: { razao: string; propriedade: string; valor?: string }[]
): Said => ({
  status,
  body: { type: `https://pix.bcb.gov.br/api/v2/error/${name}`, title, status, detail: `${title}.`, violacoes },
});
const centsOf = (valor: string) => Number(valor.replace('.', ''));
const reais = (cents: number) => (cents / 100).toFixed(2);

/** A bank with the Central Bank's API Pix 2.9, as strict as its specification. */
export async function startPsp({ tls, tokenSeconds = 3_600 }: { tls?: ServerOptions; tokenSeconds?: number } = {}) {
  const charges = new Map<string, Cob>();
  const payments = new Map<string, Pix>();
  const tokens = new Set<string>();
  const sockets = new Set<Socket>();
  const arrivals = new EventEmitter();
  const counts: Record<Call, number> = { token: 0, 'put cob': 0, 'get cob': 0, 'put devolucao': 0, 'get devolucao': 0 };
  let orders: { how: Manner; times: number; at: Call | undefined }[] = [];
  let duplicateStatus = 409;

  function token(request: IncomingMessage, text: string): Said {
    const form = new URLSearchParams(text);
    const basic = Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64');
    if (request.headers.authorization !== `Basic ${basic}`) return { status: 401, body: { error: 'invalid_client' } };
    if (form.get('grant_type') !== 'client_credentials') return { status: 400, body: { error: 'unsupported_grant_type' } };
    const access_token = randomHex(40);
    tokens.add(access_token);
    return { status: 200, body: { access_token, token_type: 'Bearer', expires_in: tokenSeconds, scope: form.get('scope') } };
  }

  function putCob(txid: string, text: string): Said {
    const asked = JSON.parse(text) as Partial<Cob>;
    const { calendario, valor, chave, solicitacaoPagador = '' } = asked;
    const wrong = [
      !/^[a-zA-Z0-9]{26,35}$/.test(txid) && 'txid',
      !(Number.isInteger(calendario?.expiracao) && calendario!.expiracao > 0) && 'cob.calendario.expiracao',
      !(amount.test(valor?.original ?? '') && centsOf(valor!.original) > 0) && 'cob.valor.original',
      chave !== KEY && 'cob.chave',
      Array.from(solicitacaoPagador).length > 140 && 'cob.solicitacaoPagador',
    ].filter((name) => name !== false);
    const violations = wrong.map((propriedade) => ({ razao: `O campo ${propriedade} não respeita o schema.`, propriedade, valor: text }));
    if (violations.length > 0) return problem(400, 'CobOperacaoInvalida', 'Cobrança inválida', ...violations);
    if (charges.has(txid))
      return problem(duplicateStatus, 'TxidDuplicado', 'Cobrança inválida', { razao: 'O txid já foi usado.', propriedade: 'txid' });
    const location = `psp.example/qr/v2/${txid}`;
    const made = createDynamicPix({ merchantName: 'MUTIRAO', merchantCity: 'BRASILIA', url: location, oneTime: true });
    if (hasError(made)) throw new Error(made.message);
    const cob: Cob = {
      calendario: { criacao: new Date().toISOString(), expiracao: calendario!.expiracao },
      txid,
      revisao: 0,
      location,
      status: 'ATIVA',
      valor: { original: valor!.original },
      chave: KEY,
      solicitacaoPagador,
      pixCopiaECola: made.toBRCode(),
    };
    charges.set(txid, cob);
    return { status: 201, body: cob };
  }

  function getCob(txid: string): Said {
    const cob = charges.get(txid);
    return cob ? { status: 200, body: cob } : problem(404, 'CobNaoEncontrado', 'Cobrança não encontrada');
  }

  function putDevolucao(endToEndId: string, id: string, text: string): Said {
    const pix = payments.get(endToEndId);
    if (!pix) return problem(404, 'PixNaoEncontrado', 'Pix não encontrado');
    const { valor = '' } = JSON.parse(text) as { valor?: string };
    const given = pix.devolucoes.filter(({ status }) => status !== 'NAO_REALIZADO').reduce((sum, each) => sum + centsOf(each.valor), 0);
    const refused = (razao: string, status = 400) =>
      problem(status, 'PixDevolucaoInvalida', 'Devolução inválida', { razao, propriedade: 'devolucao' });
    if (!/^[a-zA-Z0-9]{1,35}$/.test(id) || !amount.test(valor) || centsOf(valor) === 0) return refused('Não respeita o schema.');
    if (pix.devolucoes.some((each) => each.id === id)) return refused('O id já foi usado.', duplicateStatus);
    if (given + centsOf(valor) > centsOf(pix.valor)) return refused('Excederia o valor do pix.');
    const horario = { solicitacao: new Date().toISOString() };
    const made: Devolucao = { id, rtrId: `D${randomHex(31)}`, valor, horario, status: 'EM_PROCESSAMENTO' };
    pix.devolucoes.push(made);
    return { status: 201, body: made };
  }

  function getDevolucao(endToEndId: string, id: string): Said {
    const made = payments.get(endToEndId)?.devolucoes.find((each) => each.id === id);
    return made ? { status: 200, body: made } : problem(404, 'PixDevolucaoNaoEncontrada', 'Devolução não encontrada');
  }

  const signedIn = ({ headers: { authorization = '' } }: IncomingMessage) => tokens.has(authorization.replace(/^Bearer /, ''));

  function answer(call: Call | undefined, request: IncomingMessage, names: string[], text: string): Said {
    if (call === undefined) return problem(404, 'NaoEncontrado', 'Não encontrado');
    if (call === 'token') return token(request, text);
    if (!signedIn(request)) return problem(401, 'AcessoNegado', 'Acesso negado');
    const [first = '', second = ''] = names;
    if (call === 'put cob') return putCob(first, text);
    if (call === 'get cob') return getCob(first);
    return call === 'put devolucao' ? putDevolucao(first, second, text) : getDevolucao(first, second);
  }

  /** The first order that is for this call and not used up. */
  function mannerFor(call: Call | undefined): Manner {
    const order = orders.find(({ at, times }) => times > 0 && (at === undefined || at === call));
    if (!order) return 'well';
    order.times -= 1;
    return order.how;
  }

  function respond(how: Manner, { status, body }: Said, request: IncomingMessage, response: ServerResponse): void {
    const json = (code: number, text: string, headers = {}) =>
      response.writeHead(code, { 'content-type': code < 300 ? 'application/json' : 'application/problem+json', ...headers }).end(text);
    const text = JSON.stringify(body);
    if (how === 'cut') request.socket.destroy();
    else if (how === 'html') response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Em manutenção</h1>');
    else if (how === 'plain') json(status, text, { 'content-type': 'text/plain' });
    else if (how === 'truncated') json(status, text.slice(0, -10));
    else if (how === 'flood') json(status, JSON.stringify({ ...body, flood: FLOOD }));
    else if (how === 'redirect') response.writeHead(302, { location: request.url }).end();
    else if (how === 'well' || how === 'silent') json(status, text);
    else if ('slowMs' in how) setTimeout(() => json(status, text), how.slowMs);
    else if ('says' in how) json(status, JSON.stringify({ ...body, ...how.says }));
    else {
      const { body: why } = problem(how.status, 'RequisicaoInvalida', 'Recusado', { razao: 'Assim.', propriedade: 'x' });
      json(how.status, JSON.stringify(why), how.retryAfter === undefined ? {} : { 'retry-after': how.retryAfter });
    }
  }

  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const [call, ...names] = callOf(request);
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (call) counts[call] += 1;
      const how = mannerFor(call);
      // What is refused or silent was not done.
      const undone = how === 'silent' || (typeof how === 'object' && 'status' in how);
      const said = undone ? { status: 200, body: {} } : answer(call, request, names, Buffer.concat(parts).toString());
      if (how !== 'silent') respond(how, said, request, response);
      if (call) arrivals.emit(call);
    });
  };
  const server = tls ? createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: true }, serve) : createServer(serve);
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}/api`;

  return {
    url,
    settings: { url, key: KEY, ...CLIENT },
    charges,
    counts,
    open: () => sockets.size,
    /** The next call of this kind has been answered, or left without an answer. */
    heard: (call: Call) => once(arrivals, call),
    /** For the next calls; without a number until it is told otherwise. */
    behave: (how: Manner, { times = Infinity, at }: { times?: number; at?: Call } = {}) => {
      orders = how === 'well' ? [] : [...orders, { how, times, at }];
    },
    duplicatesAre: (status: number) => {
      duplicateStatus = status;
    },
    /** Every token is unknown from now on. */
    revoke: () => tokens.clear(),
    /** Somebody pays; `webhook` is told of it as the bank would, and its status is given back. */
    async pay(txid: string, { cents, webhook }: { cents?: number; webhook?: string } = {}) {
      const cob = charges.get(txid)!;
      const valor = cents === undefined ? cob.valor.original : reais(cents);
      const horario = new Date().toISOString();
      const endToEndId = `E12345678${horario.replace(/\D/g, '').slice(0, 12)}${newId().replaceAll('-', '').slice(-11)}`;
      const pix: Pix = { endToEndId, txid, valor, chave: KEY, horario, devolucoes: [] };
      payments.set(endToEndId, pix);
      cob.status = 'CONCLUIDA';
      cob.pix = [...(cob.pix ?? []), pix];
      if (webhook === undefined) return { endToEndId };
      const { devolucoes: _none, ...news } = pix;
      const headers = { 'content-type': 'application/json' };
      const { status } = await fetch(`${webhook}/pix`, { method: 'POST', headers, body: JSON.stringify({ pix: [news] }) });
      return { endToEndId, status };
    },
    /** At the bank's own desk. */
    giveBack: (endToEndId: string, cents: number) => {
      const horario = { solicitacao: new Date().toISOString() };
      payments
        .get(endToEndId)!
        .devolucoes.push({ id: newId(), rtrId: `D${randomHex(31)}`, valor: reais(cents), horario, status: 'DEVOLVIDO' });
    },
    settle: (endToEndId: string, id: string, status: Devolucao['status']) => {
      payments.get(endToEndId)!.devolucoes.find((each) => each.id === id)!.status = status;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await once(server.close(), 'close');
    },
  };
}

function callOf({ method = '', url = '' }: IncomingMessage): [Call | undefined, ...string[]] {
  const verb = method.toLowerCase();
  if (verb === 'post') return [url === '/api/oauth/token' ? 'token' : undefined];
  if (verb !== 'put' && verb !== 'get') return [undefined];
  const [, cob] = /^\/api\/v2\/cob\/([^/?]+)$/.exec(url) ?? [];
  if (cob) return [`${verb} cob`, cob];
  const [, pix, id] = /^\/api\/v2\/pix\/([^/?]+)\/devolucao\/([^/?]+)$/.exec(url) ?? [];
  return pix && id ? [`${verb} devolucao`, pix, id] : [undefined];
}
