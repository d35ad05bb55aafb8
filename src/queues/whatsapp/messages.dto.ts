import { z } from 'zod';
import { notBoth, notBothFault, pagedQuery } from '../../http/lists.js';
import { normalPhone } from '../../users/phone.js';
import { canonicalPhone } from './provider/phones.js';
import { publicStatuses, STUCK } from './states.js';

const MOST_TEXT_LETTERS = 4_096;
const MOST_PARAMETERS = 20;
export const MOST_PARAMETER_LETTERS = 1_024;
const MOST_DAYS_AHEAD = 90;
const DAY_MS = 86_400_000;

const words = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cs}\0]*$/u, 'must be plain text')
    .regex(/[\p{L}\p{N}\p{P}\p{S}]/u, 'must say something');

export const templateShape = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9_]{1,512}$/, 'must be the name of a template: small letters, digits and underlines'),
    language: z.string().regex(/^[a-z]{2,3}(_[A-Z]{2})?$/, 'must be a language such as pt_BR'),
    // The provider refuses line breaks and runs of blanks here.
    parameters: z
      .array(words(MOST_PARAMETER_LETTERS).regex(/^(?!.* {5})[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'must be one line'))
      .max(MOST_PARAMETERS)
      .optional(),
  })
  .meta({ id: 'MessageTemplate' });

/** Also in the form that mobile numbers had before they got a digit more. */
const recipientShape = z
  .string()
  .max(40)
  .transform((given) => normalPhone(canonicalPhone(given.replaceAll(/[\s().-]/g, ''))) ?? '')
  .refine((phone) => phone !== '', 'must be a telephone number in E.164, such as +5511987654321')
  .meta({ type: 'string', examples: ['+5511987654321'] });

/** By which its sender knows it again. */
export const dedupeKeyShape = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters');

export const newMessageShape = z
  .strictObject({
    to: recipientShape,
    text: words(MOST_TEXT_LETTERS).optional(),
    template: templateShape.optional(),
    campaignId: z.string().min(1).max(200).optional(),
    dedupeKey: dedupeKeyShape.optional(),
    sendAt: z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .refine((at) => at.getTime() < Date.now() + MOST_DAYS_AHEAD * DAY_MS, `must be within ${MOST_DAYS_AHEAD} days`)
      .optional()
      .meta({ type: 'string', format: 'date-time' }),
  })
  .refine(({ text, template }) => (text === undefined) !== (template === undefined), {
    path: ['text'],
    message: 'must be given, or a template, and not both',
  })
  .meta({ id: 'NewMessage' });
export type NewMessageBody = z.output<typeof newMessageShape>;

export const messagesQuery = z
  .object({ ...pagedQuery, status: z.enum([...publicStatuses, STUCK]).optional() })
  .refine(notBoth, notBothFault);
export type MessagesQuery = z.output<typeof messagesQuery>;

export const resolveShape = z.strictObject({ outcome: z.enum(['sent', 'resend']) }).meta({ id: 'MessageOutcome' });
export type ResolveBody = z.output<typeof resolveShape>;

const place = { position: z.int().nullable(), etaSeconds: z.int().nullable() };

export const acceptedShape = z.object({ id: z.uuid(), status: z.enum(publicStatuses), ...place }).meta({ id: 'AcceptedMessage' });

export const messageShape = z
  .object({
    id: z.uuid(),
    status: z.enum(publicStatuses),
    ...place,
    to: z.string().nullable(),
    text: z.string().nullable(),
    template: templateShape.nullable(),
    campaignId: z.uuid().nullable(),
    broadcastId: z.uuid().nullable(),
    senderId: z.uuid().nullable(),
    dedupeKey: z.string().nullable(),
    error: z.object({ code: z.int().nullable(), reason: z.string(), advice: z.string().nullable() }).nullable(),
    createdAt: z.iso.datetime(),
    sendAt: z.iso.datetime(),
    sentAt: z.iso.datetime().nullable(),
    told: z.array(z.object({ status: z.enum(['sent', 'delivered', 'read', 'failed']), at: z.iso.datetime() })),
  })
  .meta({ id: 'Message' });

export const messageItemShape = messageShape.omit({ position: true, etaSeconds: true, told: true }).meta({ id: 'MessageItem' });
