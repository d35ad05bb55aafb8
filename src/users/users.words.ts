import { z } from 'zod';
import type { RouteWords } from '../http/says.js';
import { limitShape, profileShape } from './users.dto.js';

const group = 'People';
export const exampleProfile = {
  id: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b',
  email: 'ana@example.org',
  emailVerified: false,
  name: 'Ana Souza',
  role: 'donor',
  plan: 'free',
  phone: '+5511987654321',
  messagingConsent: true,
  consentAt: '2026-11-20T12:00:00.000Z',
  createdAt: '2026-11-20T12:00:00.000Z',
};

/** Every part of the system adds what it holds. */
const exportShape = z.looseObject({
  exportedAt: z.iso.datetime(),
  profile: z.looseObject({}),
  rights: z.array(z.looseObject({ at: z.iso.datetime(), action: z.string() })),
  acts: z.array(z.looseObject({ at: z.iso.datetime(), action: z.string() })),
  signIns: z.looseObject({ sessions: z.array(z.looseObject({})), apiKeys: z.array(z.looseObject({})) }),
  campaigns: z.array(z.looseObject({})),
  donations: z.array(z.looseObject({})),
  refunds: z.array(z.looseObject({})),
  messages: z.array(z.looseObject({})),
  recordings: z.array(z.looseObject({})),
  conversations: z.array(z.looseObject({})),
  questions: z.array(z.looseObject({})),
  aiUsage: z.array(z.looseObject({})),
});

export const usersWords: Record<'me' | 'change' | 'erase' | 'export' | 'limits', RouteWords> = {
  me: {
    group,
    summary: 'Your own profile',
    detail: 'Kept for 30 minutes; a change is seen by your next question, whatever process answers it.',
    answers: { 200: { says: 'It.', shape: profileShape, example: exampleProfile } },
  },
  erase: {
    group,
    summary: 'Leave for good',
    detail:
      'Whatever tells who you were is removed, at once and for good. Gifts and books stay, without your name. The last admin cannot go: 409.',
    answers: { 204: { says: 'You are gone.' } },
  },
  export: {
    group,
    summary: 'Everything that is held about you',
    answers: { 200: { says: 'All of it.', shape: exportShape } },
  },
  limits: {
    group,
    summary: 'What you may still do',
    detail: 'Every limit that holds for you, what is left of it, and in how many seconds all of it is free again.',
    answers: { 200: { says: 'All of them.', shape: z.object({ plan: z.string(), items: z.array(limitShape) }) } },
  },
  change: {
    group,
    summary: 'Change your profile',
    detail: 'What is left out stays. `phone: null` takes the number away. Consent to messages is kept with its time and source.',
    body: { name: 'Ana Souza', phone: '+5511987654321', messagingConsent: true },
    answers: { 200: { says: 'The profile as it is now.', shape: profileShape, example: exampleProfile } },
  },
};
