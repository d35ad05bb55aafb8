import type { RouteWords } from '../http/says.js';

const group = 'Sign-in';
const exampleToken = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b.t7k2q9.H2y0c9QeXv4mJrT8uWbN1kLpZs5dGfA7iOxE3qYtRnM';

export const passwordWords: Record<'forgot' | 'reset' | 'verify', RouteWords> = {
  forgot: {
    group,
    summary: 'Ask for a new password',
    detail: 'Answers the same whether anyone has the address. The link in the mail is good for an hour, and once.',
    body: { email: 'ana@example.org' },
    answers: { 202: { says: 'If somebody has this address, a mail is on its way.' } },
  },
  reset: {
    group,
    summary: 'Set the new password',
    detail: 'With the token of the link. All sign-ins are ended.',
    body: { token: exampleToken, password: 'another long sentence of mine' },
    answers: { 204: { says: 'It is set: sign in with it.' } },
  },
  verify: {
    group,
    summary: 'Confirm an e-mail address',
    detail: 'With the token of the link, which is good for seven days.',
    body: { token: exampleToken },
    answers: { 204: { says: 'The address is yours.' } },
  },
};
