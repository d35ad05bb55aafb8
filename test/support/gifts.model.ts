export interface Told {
  kind: 'paid' | 'failed' | 'refunded' | 'expired';
  event: number;
  reference: number;
  amountCents: number;
}

/** A gift as it must stand after what was told of it. */
export class Model {
  status = 'pending';
  held = 0;
  private readonly heard = new Set<number>();
  private reference = 0;
  private owes: number[] = [];

  tell({ kind, event, reference, amountCents }: Told): void {
    if (kind === 'expired') {
      if (this.status === 'pending') this.status = kind;
      return;
    }
    if (this.heard.has(event)) return;
    this.heard.add(event);
    const isOpen = ['pending', 'failed', 'expired'].includes(this.status);
    if (kind === 'failed') this.status = this.status === 'pending' ? 'failed' : this.status;
    else if (kind === 'refunded') this.owes.push(amountCents);
    else if (isOpen && amountCents === 5_000) [this.status, this.reference] = ['confirmed', reference];
    else if (amountCents !== 5_000 || reference !== this.reference) this.held += 1;
    if (this.status === 'confirmed') for (const cents of this.owes.splice(0)) this.giveBack(cents);
    if (this.status === 'refunded') this.owes = [];
  }

  private giveBack(cents: number): void {
    if (this.status !== 'confirmed') return;
    if (cents === 5_000) this.status = 'refunded';
    else this.held += 1;
  }
}
