import type { RouteWords } from '../http/says.js';

const group = 'Sign-in';

export const passwordWords: Record<'forgot' | 'reset' | 'verify', RouteWords> = {
  forgot: {
    group,
    summary: 'Ask for a new password',
    detail: 'Answers the same whether anyone has the address. The link in the mail is good for an hour, and once.',
    answers: { 202: { says: 'If somebody has this address, a mail is on its way.' } },
  },
  reset: {
    group,
    summary: 'Set the new password',
    detail: 'With the token of the link. All sign-ins are ended.',
    answers: { 204: { says: 'It is set: sign in with it.' } },
  },
  verify: {
    group,
    summary: 'Confirm an e-mail address',
    detail: 'With the token of the link, which is good for seven days.',
    answers: { 204: { says: 'The address is yours.' } },
  },
};
