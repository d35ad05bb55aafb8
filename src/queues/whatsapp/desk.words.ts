import { z } from 'zod';
import { pagedShape, sliceShape } from '../../http/lists.js';
import type { RouteWords } from '../../http/says.js';

const group = 'WhatsApp';
const at = '2026-11-29T12:00:00.000Z';
const phone = '+5511987654321';

const inboundShape = z.object({ id: z.uuid(), from: z.string(), kind: z.string(), text: z.string().nullable(), at: z.iso.datetime() });
const optOutShape = z.object({ phone: z.string(), at: z.iso.datetime() });
const templateShape = z.object({
  ...{ name: z.string(), language: z.string(), status: z.string(), category: z.string(), body: z.string() },
  ...{ parameters: z.int(), syncedAt: z.iso.datetime() },
});
const template = {
  name: 'obrigado',
  language: 'pt_BR',
  status: 'APPROVED',
  category: 'UTILITY',
  body: 'Obrigado, {{1}}!',
  parameters: 1,
  syncedAt: at,
};

const whole = { nextCursor: null, total: 1, page: 1, limit: 20 };
const templates = { items: [template], nextCursor: null };

export const deskWords: Record<'inbound' | 'optOuts' | 'templates' | 'sync', RouteWords> = {
  inbound: {
    group,
    summary: 'List what people wrote',
    detail: 'For admins; the newest first.',
    answers: {
      200: {
        says: 'One part of it.',
        shape: pagedShape(inboundShape),
        example: { items: [{ id: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b', from: phone, kind: 'text', text: 'SAIR', at }], ...whole },
      },
    },
  },
  optOuts: {
    group,
    summary: 'List who wants no messages',
    detail: 'For admins; the last who said so first.',
    answers: { 200: { says: 'One part of them.', shape: pagedShape(optOutShape), example: { items: [{ phone, at }], ...whole } } },
  },
  templates: {
    group,
    summary: 'List templates',
    detail: 'As Meta lists them, asked for again when what is known is an hour old. Only those that are `APPROVED` can be sent.',
    answers: { 200: { says: 'All of them.', shape: sliceShape(templateShape), example: templates } },
  },
  sync: {
    group,
    summary: 'Read the templates anew',
    detail: 'For admins: asks Meta now.',
    answers: { 200: { says: 'All of them.', shape: sliceShape(templateShape), example: templates } },
  },
};
