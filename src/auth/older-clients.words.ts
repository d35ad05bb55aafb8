import { z } from 'zod';
import type { RouteWords } from '../http/says.js';

const group = 'Older clients';

export const olderWords: Record<'token' | 'refresh', RouteWords> = {
  token: {
    group,
    summary: 'Sign in, as the Django API had it',
    detail: 'JSON or a form, with or without a final slash; `username` is the e-mail address. Use `/api/v1/auth/login` instead.',
    answers: { 200: { says: 'You are in.', shape: z.object({ access: z.string(), refresh: z.string() }) } },
  },
  refresh: {
    group,
    summary: 'A new access token, as the Django API had it',
    detail: 'The refresh token stays the same here. Use `/api/v1/auth/refresh` instead, which changes it each time.',
    answers: { 200: { says: 'It.', shape: z.object({ access: z.string() }) } },
  },
};
