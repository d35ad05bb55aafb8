import { z } from 'zod';
import type { RouteWords } from '../http/says.js';

const group = 'Older clients';

export const olderWords: Record<'token' | 'refresh', RouteWords> = {
  token: {
    group,
    summary: 'Sign in, as the Django API had it',
    detail: 'JSON or a form, with or without a final slash; `username` is the e-mail address. Use `/api/v1/auth/login` instead.',
    deprecated: true,
    body: { username: 'ana@example.org', password: 'a long sentence of mine' },
    answers: { 200: { says: 'You are in.', shape: z.object({ access: z.string(), refresh: z.string() }) } },
  },
  refresh: {
    group,
    summary: 'A new access token, as the Django API had it',
    detail:
      'JSON or a form, with or without a final slash. The refresh token stays the same here. Use `/api/v1/auth/refresh` instead, which changes it each time.',
    deprecated: true,
    body: { refresh: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b.0.H2y0c9QeXv4mJrT8uWbN1kLpZs5dGfA7iOxE3qYtRnM' },
    answers: { 200: { says: 'It.', shape: z.object({ access: z.string() }) } },
  },
};
