import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { bareListQuery, Cursors, type BareListQuery } from '../../http/lists.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { Refusal } from '../../kernel/problems.js';
import { admins } from '../campaigns.policies.js';
import { heldResolveShape, type HeldResolveBody } from './payments.dto.js';
import { PaymentsStore } from './payments.store.js';
import { heldOf, paymentWords } from './payments.words.js';

/** What was paid otherwise than asked waits here for someone who decides. */
@Controller('api/v1/payments/held')
export class HeldPaymentsController {
  constructor(
    private readonly store: PaymentsStore,
    private readonly cursors: Cursors,
  ) {}

  @Policy(admins)
  @Says(paymentWords.held)
  @Get()
  async list(@Query({ schema: bareListQuery }) { limit, cursor }: BareListQuery) {
    const list = 'held payments';
    const rows = await this.store.held(this.cursors.read(list, cursor), limit + 1);
    const { items, nextCursor } = this.cursors.slice(list, rows, limit, ({ place }) => place);
    return { items: items.map(heldOf), nextCursor };
  }

  @Policy(admins)
  @Says(paymentWords.resolve)
  @HttpCode(200)
  @Post(':provider/:eventId/resolve')
  async resolve(
    @Param('provider') provider: string,
    @Param('eventId') eventId: string,
    @Body({ schema: heldResolveShape }) { outcome }: HeldResolveBody,
  ) {
    const held = await this.store.findHeld(provider, eventId);
    if (!held) throw new Refusal('not_found', 'There is no such payment, or it is decided.');
    const decided = outcome === 'accept' ? (await this.store.accept(held)) === 'accepted' : await this.store.dismiss(held);
    if (!decided) throw new Refusal('conflict', 'Its gift is confirmed already, or somebody else has decided.');
    return { outcome };
  }
}
