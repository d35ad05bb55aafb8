import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import type { Config } from '../../config/config.js';
import { inTime } from '../../kernel/waiting.js';
import { decimalOf } from '../reais.js';
import { isBrCode } from './br-code.js';
import { chargeShape, refundShape } from './pix.answers.js';
import { PixClient, pixDown, type Answer, type PixAccess, type PixLog } from './pix.client.js';
import type { Charge, Outcome, Payment, PaymentProvider, RefundOrder, RefundOutcome } from './provider.js';

export interface PixSettings extends PixAccess {
  /** Whose money it becomes. */
  key: string;
}

type PixConfig = Pick<Config, 'PIX_API_URL' | 'PIX_CLIENT_ID' | 'PIX_CLIENT_SECRET' | 'PIX_KEY' | 'PIX_CERT_FILE' | 'PIX_KEY_FILE'>;

/** Of a configuration that lists `pix`, which is not taken with any of these missing. */
export const pixSettingsOf = (config: PixConfig): PixSettings => ({
  url: config.PIX_API_URL!,
  clientId: config.PIX_CLIENT_ID!,
  clientSecret: config.PIX_CLIENT_SECRET!,
  key: config.PIX_KEY!,
  ...(config.PIX_CERT_FILE && { tls: { cert: readFileSync(config.PIX_CERT_FILE), key: readFileSync(config.PIX_KEY_FILE!) } }),
});

const MOST_MS = 4_000;
const MOST_LETTERS = 140;

/** Banks differ in how they say that they have it already. */
const mayBeThere = [400, 409, 422];

/** A bank that speaks the Central Bank's API Pix. */
export class PixProvider implements PaymentProvider {
  readonly name = 'pix';
  readonly methods = ['pix'] as const;
  private readonly client: PixClient;
  private readonly key: string;

  constructor(
    { key, ...access }: PixSettings,
    private readonly log: PixLog,
  ) {
    this.key = key;
    this.client = new PixClient(access, log);
  }

  charge(charge: Charge, signal: AbortSignal): Promise<Payment> {
    return inTime(MOST_MS, signal, (over) => this.chargeUntil(charge, over));
  }

  look(txid: string, signal: AbortSignal): Promise<Outcome> {
    return inTime(MOST_MS, signal, (over) => this.lookUntil(txid, over));
  }

  refund(order: RefundOrder, signal: AbortSignal): Promise<RefundOutcome> {
    return inTime(MOST_MS, signal, (over) => this.refundUntil(order, over));
  }

  /** Whatever is still on its way ends here. */
  close(): Promise<void> {
    return this.client.close();
  }

  private async chargeUntil({ txid, amountCents, expiresAt, title }: Charge, over: AbortSignal): Promise<Payment> {
    const path = chargePath(txid);
    const answer = await this.putOrFind(path, over, {
      calendario: { expiracao: Math.max(1, Math.ceil((expiresAt.getTime() - Date.now()) / 1_000)) },
      valor: { original: decimalOf(amountCents) },
      chave: this.key,
      solicitacaoPagador: Array.from(title).slice(0, MOST_LETTERS).join(''),
    });
    const { valor, chave, pixCopiaECola: brCode = '', ...made } = this.read(chargeShape, path, answer);
    if (made.txid !== txid || valor.original !== amountCents || chave.toLowerCase() !== this.key.toLowerCase())
      throw this.strange(path, 'it is another charge than we asked for');
    if (!isBrCode(brCode)) throw this.strange(path, 'its pixCopiaECola is no BR Code');
    return { method: 'pix', brCode, txid, expiresAt: expiresAt.toISOString() };
  }

  private async lookUntil(txid: string, over: AbortSignal): Promise<Outcome> {
    const path = chargePath(txid);
    const answer = await this.client.ask('GET', path, over);
    if (answer.status === 404) return { status: 'waiting' };
    const { status, pix, ...found } = this.read(chargeShape, path, answer);
    if (found.txid !== txid) throw this.strange(path, 'it is another charge than we asked for');
    const [paid] = pix;
    const returned = paid?.devolucoes.filter(({ status }) => status === 'DEVOLVIDO').reduce((sum, { valor }) => sum + valor, 0);
    if (paid) return { status: 'paid', amountCents: paid.valor, reference: paid.endToEndId, returnedCents: returned };
    if (status === 'CONCLUIDA') throw this.strange(path, 'it is paid, but by no payment');
    return { status: status.startsWith('REMOVIDA_') ? 'failed' : 'waiting' };
  }

  private async refundUntil({ id, reference, amountCents }: RefundOrder, over: AbortSignal): Promise<RefundOutcome> {
    const path = `/v2/pix/${encodeURIComponent(reference)}/devolucao/${encodeURIComponent(id)}`;
    const answer = await this.putOrFind(path, over, { valor: decimalOf(amountCents) });
    const { status, valor, ...made } = this.read(refundShape, path, answer);
    if (made.id !== id || valor !== amountCents) throw this.strange(path, 'it is another refund than we asked for');
    if (status === 'NAO_REALIZADO') return 'failed';
    return status === 'DEVOLVIDO' ? 'done' : 'pending';
  }

  private async putOrFind(path: string, over: AbortSignal, body: object): Promise<Answer> {
    const answer = await this.client.ask('PUT', path, over, body);
    if (!mayBeThere.includes(answer.status)) return answer;
    const found = await this.client.ask('GET', path, over);
    return found.status === 404 ? answer : found;
  }

  private read<T>(shape: z.ZodType<T>, what: string, answer: Answer): T {
    if (answer.status >= 300) throw this.client.unwanted(what, answer);
    const read = shape.safeParse(answer.body);
    if (!read.success) throw this.strange(what, `not as agreed: ${read.error.issues.map(({ path }) => path.join('.')).join(', ')}`);
    return read.data;
  }

  private strange(what: string, why: string) {
    this.log.error({ pix: what, why }, 'the Pix provider answered what cannot be right');
    return pixDown();
  }
}

const chargePath = (txid: string) => `/v2/cob/${encodeURIComponent(txid)}`;
