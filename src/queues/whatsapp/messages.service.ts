import { Inject, Injectable } from '@nestjs/common';
import { Campaigns } from '../../campaigns/campaigns.service.js';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { Transactions, type Tx } from '../../database/transactions.js';
import type { Caller } from '../../http/caller.js';
import { newId } from '../../kernel/ids.js';
import { Refusal } from '../../kernel/problems.js';
import { Audit } from '../../users/audit.service.js';
import type { NewMessageBody } from './messages.dto.js';
import { MessagesStore, type MessageView, type NewMessage } from './messages.store.js';
import { placeOf } from './messages.words.js';
import { canonicalPhone } from './provider/phones.js';
import { RecipientsStore } from './recipients.store.js';
import { statusOf } from './states.js';
import { Templates } from './templates.service.js';

type Wanted = Pick<NewMessage, 'phone' | 'text' | 'template'> & Partial<Pick<NewMessage, 'dedupeKey' | 'campaignId' | 'personId'>>;

@Injectable()
export class Messages {
  constructor(
    private readonly store: MessagesStore,
    private readonly recipients: RecipientsStore,
    private readonly templates: Templates,
    private readonly campaigns: Campaigns,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** `isNew` is false where its sender has used the key before. */
  async send(caller: Caller, body: NewMessageBody) {
    const { to: phone, text = null, template = null, campaignId, dedupeKey = null, sendAt = null } = body;
    const before = dedupeKey === null ? undefined : await this.store.findByKey(caller.id, dedupeKey);
    if (before) return this.known(before);
    if (template) await this.templates.mustFit(template);
    else if (!sendAt) await this.mustBeOpen(phone);
    const campaign = campaignId === undefined ? null : await this.campaigns.ownedBy(caller, campaignId);
    const id = newId();
    const message = {
      id,
      senderId: caller.id,
      personId: null,
      campaignId: campaign?.id ?? null,
      phone,
      text,
      template,
      dedupeKey,
      sendAt,
      kind: 'direct' as const,
    };
    const state = await this.transactions.run((tx) => this.store.add(tx, message));
    // Somebody was quicker with the same key.
    if (!state) return this.known((await this.store.findByKey(caller.id, dedupeKey ?? ''))!);
    return { isNew: true, answer: { id, status: statusOf(state), ...(await this.place(id)) } };
  }

  /** What the system itself owes somebody; once for each key. It commits with its reason. */
  owe(tx: Tx, { dedupeKey = null, campaignId = null, personId = null, ...wanted }: Wanted): Promise<unknown> {
    return this.store.add(tx, {
      id: newId(),
      senderId: null,
      personId,
      campaignId,
      dedupeKey,
      sendAt: null,
      kind: 'receipt',
      ...wanted,
      phone: canonicalPhone(wanted.phone),
    });
  }

  async seenBy(caller: Caller, id: string): Promise<MessageView> {
    const message = await this.store.find(id);
    if (!message || !(caller.role === 'admin' || message.senderId === caller.id))
      throw new Refusal('not_found', 'There is no such message.');
    return message;
  }

  async place(id: string) {
    return placeOf(await this.store.placeOf(id));
  }

  async resolve(admin: Caller, id: string, outcome: 'sent' | 'resend'): Promise<MessageView> {
    const { state } = await this.seenBy(admin, id);
    await this.transactions.run(async (tx) => {
      if (!(await this.store.resolve(tx, id, outcome)))
        throw new Refusal('conflict', `Only what is unknown is settled; this is ${statusOf(state)}.`);
      await this.audit.note(tx, 'message_settled', { actorId: admin.id }, { messageId: id, outcome });
    });
    return this.seenBy(admin, id);
  }

  private async known({ id, state }: MessageView) {
    return { isNew: false, answer: { id, status: statusOf(state), ...(await this.place(id)) } };
  }

  private async mustBeOpen(phone: string): Promise<void> {
    if (!this.config.WHATSAPP_ENFORCE_WINDOW || (await this.recipients.isOpen(phone))) return;
    throw new Refusal('window_closed', 'This person has not written within 24 hours: send a template.');
  }
}
