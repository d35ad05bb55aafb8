import { z } from 'zod';

export const challengeQuery = z.object({
  'hub.mode': z.string().max(50).default(''),
  'hub.verify_token': z.string().max(500).default(''),
  'hub.challenge': z
    .string()
    .regex(/^[\w.~-]{0,200}$/)
    .default(''),
});
export type ChallengeQuery = z.output<typeof challengeQuery>;
