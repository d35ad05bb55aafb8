import { z } from 'zod';
import { sliceShape } from '../http/lists.js';
import type { RouteWords } from '../http/says.js';

const group = 'Sign-in';

const exampleLogin = { email: 'ana@example.org', password: 'a long sentence of mine' };
const exampleRefresh = { refreshToken: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b.0.H2y0c9QeXv4mJrT8uWbN1kLpZs5dGfA7iOxE3qYtRnM' };

const sessionShape = z
  .object({
    accessToken: z.string(),
    refreshToken: z.string(),
    tokenType: z.literal('Bearer'),
    expiresIn: z.int(),
    user: z.object({
      id: z.uuid(),
      email: z.string(),
      name: z.string(),
      role: z.enum(['donor', 'organizer', 'admin']),
      plan: z.string(),
    }),
  })
  .meta({ id: 'Session' });

const signInShape = z.object({
  id: z.uuid(),
  address: z.string(),
  client: z.string(),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  current: z.boolean(),
});

export const authWords: Record<'register' | 'login' | 'refresh' | 'logout' | 'logoutAll' | 'sessions' | 'endSession', RouteWords> = {
  register: {
    group,
    summary: 'Become known here',
    detail: 'Everyone begins as a donor. Passwords have 10 to 200 characters and are not among the common ones.',
    body: { ...exampleLogin, name: 'Ana Souza', phone: '+5511987654321', messagingConsent: true },
    answers: { 201: { says: 'You are in.', shape: sessionShape } },
  },
  login: {
    group,
    summary: 'Sign in',
    detail:
      'Copy `accessToken` into **Authorize**; it holds for 15 minutes. Wrong ones are all told alike, and after five in a row each next one has to wait longer.',
    body: exampleLogin,
    answers: { 200: { says: 'You are in.', shape: sessionShape } },
  },
  refresh: {
    group,
    summary: 'New tokens for a refresh token',
    detail:
      'A refresh token is good once, for 30 days. For a few seconds after its first use it gives the same successor again, for a client that lost the answer; later it ends the whole sign-in.',
    body: exampleRefresh,
    answers: { 200: { says: 'A new pair.', shape: sessionShape } },
  },
  logout: { group, summary: 'End the sign-in of a refresh token', body: exampleRefresh, answers: { 204: { says: 'It is over.' } } },
  logoutAll: { group, summary: 'End all your sign-ins', answers: { 204: { says: 'All are over.' } } },
  sessions: {
    group,
    summary: 'Your sign-ins',
    answers: { 200: { says: 'Those that last, the newest first.', shape: sliceShape(signInShape) } },
  },
  endSession: { group, summary: 'End one of your sign-ins', answers: { 204: { says: 'It is over.' } } },
};
