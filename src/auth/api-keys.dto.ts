import { z } from 'zod';
import { scopes } from '../http/caller.js';
import { sliceShape } from '../http/lists.js';
import type { RouteWords } from '../http/says.js';
import { nameShape } from '../users/users.dto.js';
import type { ApiKey } from './api-key.entity.js';

const group = 'Sign-in';

export const newKeyShape = z
  .strictObject({
    name: nameShape,
    scopes: z
      .array(z.enum(scopes))
      .min(1)
      .transform((given) => [...new Set(given)])
      .default(['read', 'write']),
    expiresAt: z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .refine((at) => at.getTime() > Date.now(), 'must be in the future')
      .meta({ type: 'string', format: 'date-time' })
      .optional(),
  })
  .meta({ id: 'NewApiKey' });
export type NewKeyBody = z.output<typeof newKeyShape>;

const apiKeyShape = z
  .object({
    id: z.uuid(),
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable(),
    expiresAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ApiKey' });

export const apiKeyOf = ({ id, name, scopes, createdAt, lastUsedAt, expiresAt }: Omit<ApiKey, 'digest'>) => ({
  id,
  name,
  scopes,
  createdAt,
  lastUsedAt,
  expiresAt,
});

export const apiKeysWords: Record<'list' | 'make' | 'end', RouteWords> = {
  list: {
    group,
    summary: 'Your API keys',
    answers: { 200: { says: 'Those that you have, the newest first.', shape: sliceShape(apiKeyShape) } },
  },
  make: {
    group,
    summary: 'Make an API key',
    detail:
      'A key does what you may do, within its scopes: `read`, `write`, `ai` (the AI routes, and nothing else), `metrics` and `admin` (for admins). What concerns sign-in itself no key opens.',
    body: { name: 'Nightly report', scopes: ['read'] },
    answers: {
      201: { says: 'The key, which is shown this once.', shape: apiKeyShape.extend({ key: z.string() }).meta({ id: 'NewApiKeyShown' }) },
    },
  },
  end: { group, summary: 'End an API key', answers: { 204: { says: 'It opens nothing any more.' } } },
};
