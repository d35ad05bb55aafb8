import { z } from 'zod';
import type { RouteWords } from '../http/says.js';

const group = 'Sign-in';
const proposalShape = z
  .object({ secret: z.string(), otpauthUrl: z.string(), recoveryCodes: z.array(z.string()) })
  .meta({ id: 'SecondFactor' });

export const secondFactorWords: Record<'enable' | 'confirm' | 'disable', RouteWords> = {
  enable: {
    group,
    summary: 'Begin with two-factor sign-in',
    detail: 'Show `otpauthUrl` as a QR code and keep the recovery codes, each good once. Nothing changes before it is confirmed.',
    answers: { 200: { says: 'The secret, which is shown this once.', shape: proposalShape } },
  },
  confirm: {
    group,
    summary: 'Confirm it with a code of the app',
    detail: 'From then on each sign-in needs `otp`.',
    body: { code: '123456' },
    answers: { 204: { says: 'It is on.' } },
  },
  disable: {
    group,
    summary: 'End two-factor sign-in',
    detail: 'With a code of the app or a recovery code.',
    body: { code: '123456' },
    answers: { 204: { says: 'It is off.' } },
  },
};
