import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { isSameProof } from '../../../config/keys.js';
import { ownText } from '../../../kernel/own-text.js';
import { phoneOfWaId } from './phones.js';

/** What became of a message of ours. */
export interface ToldStatus {
  reference: string;
  /** Ours, also where no answer told us the reference. */
  messageId: string | undefined;
  status: 'sent' | 'delivered' | 'read' | 'failed';
  at: Date;
  /** Nothing where Meta names the person in another way. */
  phone: string | undefined;
  errorCode: number | undefined;
  error: string | undefined;
}

/** To which number of the app it was said, where that is told. */
interface Said {
  to: string | undefined;
}

/** What somebody wrote, or pressed. */
export interface Inbound extends Said {
  reference: string;
  phone: string;
  kind: string;
  text: string;
  /** What its sender gave the pressed button to say. */
  payload: string | undefined;
  at: Date;
}

/** Somebody told WhatsApp itself whether advertising may come. */
export interface Preference extends Said {
  phone: string;
  wants: 'stop' | 'resume';
  at: Date;
}

export interface Heard {
  statuses: ToldStatus[];
  inbound: Inbound[];
  preferences: Preference[];
  /** Pieces that say nothing to us. */
  skipped: number;
}

const MOST_LETTERS = 4_096;
const MOST_ERROR_LETTERS = 300;

/** Whether Meta wrote exactly these bytes, by `X-Hub-Signature-256`. */
export const isSigned = (appSecret: string, bytes: Uint8Array, header: string | string[] | undefined): boolean =>
  typeof header === 'string' && isSameProof(header, `sha256=${createHmac('sha256', appSecret).update(bytes).digest('hex')}`);

const reference = z.string().regex(/^[!-~]{1,256}$/);
const seconds = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,12}$/)
      .transform(Number),
  ])
  .optional()
  .catch(undefined);
const words = z.string().optional().catch(undefined);
const pressed = z.object({ id: words, title: words }).optional().catch(undefined);
const pieces = z.array(z.unknown()).catch([]);

const statusShape = z.object({
  id: reference,
  status: z.enum(['sent', 'delivered', 'read', 'failed']),
  timestamp: seconds,
  recipient_id: words,
  biz_opaque_callback_data: z.guid().toLowerCase().optional().catch(undefined),
  errors: z
    .array(
      z.object({
        code: z.int32().optional().catch(undefined),
        title: words,
        error_data: z.object({ details: words }).optional().catch(undefined),
      }),
    )
    .catch([]),
});

const captioned = z.object({ caption: words }).optional().catch(undefined);
const messageShape = z.object({
  id: reference,
  from: z.string(),
  timestamp: seconds,
  type: z.string().regex(/^[a-z_]{1,40}$/),
  text: z.object({ body: words }).optional().catch(undefined),
  button: z.object({ text: words, payload: words }).optional().catch(undefined),
  interactive: z.object({ button_reply: pressed, list_reply: pressed }).optional().catch(undefined),
  ...{ image: captioned, video: captioned, document: captioned },
});

const preferenceShape = z.object({
  wa_id: z.string(),
  category: z.literal('marketing_messages'),
  value: z.enum(['stop', 'resume']),
  timestamp: seconds,
});

const valueShape = z.object({
  metadata: z.object({ phone_number_id: words }).optional().catch(undefined),
  ...{ statuses: pieces, messages: pieces, user_preferences: pieces },
});
const changeShape = z.object({ value: valueShape });
const entryShape = z.object({ changes: pieces });
const noticeShape = z.object({ object: z.literal('whatsapp_business_account'), entry: pieces });

/** What a body of the webhook says; never a fault, as Meta adds to it when it likes. */
export function readWebhook(body: unknown, now = new Date()): Heard {
  const heard: Heard = { statuses: [], inbound: [], preferences: [], skipped: 0 };
  const read = <T, R>(given: unknown[], shape: z.ZodType<T>, of: (piece: T) => R | undefined): R[] =>
    given.flatMap((piece) => {
      const { success, data } = shape.safeParse(piece);
      const made = success ? of(data) : undefined;
      if (made === undefined) heard.skipped += 1;
      return made === undefined ? [] : [made];
    });
  const entries = read([body], noticeShape, ({ entry }) => entry).flat();
  const changes = read(entries, entryShape, (entry) => entry.changes).flat();
  for (const value of read(changes, changeShape, (change) => change.value)) {
    const to = value.metadata?.phone_number_id;
    const saidThere = <T>(piece: T | undefined) => piece && { ...piece, to };
    heard.statuses.push(...read(value.statuses, statusShape, (piece) => statusOf(piece, now)));
    heard.inbound.push(...read(value.messages, messageShape, (piece) => saidThere(inboundOf(piece, now))));
    heard.preferences.push(...read(value.user_preferences, preferenceShape, (piece) => saidThere(preferenceOf(piece, now))));
  }
  return heard;
}

function statusOf(told: z.output<typeof statusShape>, now: Date): ToldStatus {
  const [error] = told.errors;
  const why = [error?.title, error?.error_data?.details].filter((part) => part !== undefined);
  return {
    reference: ownText(told.id),
    messageId: told.biz_opaque_callback_data,
    status: told.status,
    at: momentOf(told.timestamp, now),
    phone: phoneOfWaId(told.recipient_id ?? ''),
    errorCode: error?.code,
    error: why.length > 0 ? plain(why.join(': '), MOST_ERROR_LETTERS) : undefined,
  };
}

/** Of what WhatsApp itself says in a person's name, nobody has written anything. */
function inboundOf(told: z.output<typeof messageShape>, now: Date): Omit<Inbound, keyof Said> | undefined {
  const phone = phoneOfWaId(told.from);
  if (phone === undefined || told.type === 'system') return undefined;
  return {
    reference: ownText(told.id),
    phone,
    kind: told.type,
    text: plain(textOf(told), MOST_LETTERS),
    payload: told.button?.payload ?? told.interactive?.button_reply?.id ?? told.interactive?.list_reply?.id,
    at: momentOf(told.timestamp, now),
  };
}

function textOf({ text, button, interactive, image, video, document }: z.output<typeof messageShape>): string {
  const chosen = interactive?.button_reply?.title ?? interactive?.list_reply?.title;
  return text?.body ?? button?.text ?? chosen ?? image?.caption ?? video?.caption ?? document?.caption ?? '';
}

function preferenceOf(told: z.output<typeof preferenceShape>, now: Date): Omit<Preference, keyof Said> | undefined {
  const phone = phoneOfWaId(told.wa_id);
  return phone === undefined ? undefined : { phone, wants: told.value, at: momentOf(told.timestamp, now) };
}

/** A clock that is wrong, or none, is as if it had been told now. */
function momentOf(told: number | undefined, now: Date): Date {
  const ms = (told ?? 0) * 1_000;
  // In whole seconds, as Meta tells them: else what is said in this same second would seem older.
  return new Date(ms > 0 && ms <= now.getTime() ? ms : Math.floor(now.getTime() / 1_000) * 1_000);
}

/** As the database can keep it. */
const plain = (text: string, most: number): string =>
  ownText(
    Array.from(text.slice(0, 2 * most).replaceAll('\0', ''))
      .slice(0, most)
      .join(''),
  );
