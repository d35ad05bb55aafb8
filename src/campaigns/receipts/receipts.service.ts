import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import { publicUrl, type Config } from '../../config/config.js';
import { isSameProof, Keys, proofBy, type Key } from '../../config/keys.js';
import { Refusal } from '../../kernel/problems.js';
import { receiptPdf } from './receipt.pdf.js';
import { ReceiptsStore, type Receipt } from './receipts.store.js';

/** 132 bits: nobody guesses them, and a smaller picture is easier to read. */
const PROOF_LETTERS = 22;
const NUMBER = /^[1-9]\d{0,17}$/;

@Injectable()
export class Receipts {
  private readonly keys: readonly [Key, ...Key[]];

  constructor(
    private readonly store: ReceiptsStore,
    keys: Keys,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.keys = keys.for('receipt');
  }

  async pdfOf(donationId: string): Promise<{ number: string; pdf: Buffer }> {
    const receipt = await this.store.ofGift(donationId);
    if (!receipt) throw new Refusal('not_found', 'There is no receipt yet: it comes within seconds of the payment.');
    const base = publicUrl(this.config).replace(/\/+$/, '');
    const address = `${base}/api/v1/receipts/${receipt.number}/${proofOf(receipt, this.keys[0])}`;
    return { number: receipt.number, pdf: await receiptPdf(receipt, address) };
  }

  /** For whoever holds it in his hands. */
  async proven(number: string, proof: string): Promise<Receipt> {
    const receipt = NUMBER.test(number) ? await this.store.numbered(number) : undefined;
    if (!receipt || !this.keys.some((key) => isSameProof(proof, proofOf(receipt, key))))
      throw new Refusal('not_found', 'There is no such receipt.');
    return receipt;
  }
}

const proofOf = ({ number, donationId }: Receipt, key: Key): string => proofBy(key, `${number} ${donationId}`).slice(0, PROOF_LETTERS);
