export const methods = ['pix', 'card'] as const;
export type Method = (typeof methods)[number];

/** What a donor is asked for. */
export interface Charge {
  /** Ours, 32 letters and digits: by it the provider knows that a second question is the same. */
  txid: string;
  method: Method;
  amountCents: number;
  expiresAt: Date;
  /** What it is for, as the donor may read it. */
  title: string;
}

/** What the donor needs to pay; the picture of a Pix code is made of the code. */
export type Payment =
  { method: 'pix'; brCode: string; txid: string; expiresAt: string } | { method: 'card'; clientSecret: string; expiresAt: string };

/** What became of a charge, as its provider tells it. */
export type Outcome =
  | { status: 'waiting' }
  | { status: 'failed' }
  /** `reference` is the provider's own name of the payment, by which it is given back; some of it may have been already. */
  | { status: 'paid'; amountCents: number; reference: string; returnedCents?: number };

export interface RefundOrder {
  /** Ours, 32 letters and digits: by it the provider knows that a second order is the same. */
  id: string;
  txid: string;
  amountCents: number;
  /** The provider's name of the payment. */
  reference: string;
}

/** `failed`: the provider will never do it. */
export type RefundOutcome = 'done' | 'pending' | 'failed';

/** Who takes the money. A refusal `dependency_down` is thrown where it does not answer as it should. */
export interface PaymentProvider {
  readonly name: 'sandbox' | 'pix';
  readonly methods: readonly Method[];
  /** Present where nobody outside has to be asked. */
  chargeHere?(charge: Charge): Payment;
  /** The same for the same txid, however often it is asked. */
  charge(charge: Charge, signal: AbortSignal): Promise<Payment>;
  look(txid: string, signal: AbortSignal): Promise<Outcome>;
  /** Once for the same id, however often it is asked. */
  refund(order: RefundOrder, signal: AbortSignal): Promise<RefundOutcome>;
}
