import type { Step } from './against.js';
import { asGiver, pledgeOf } from './givers.js';
import { PASSWORD } from './people.js';

/** Of a hundred requests, as on the night of a campaign; whoever asks an AI has nobody to be compared with here. */
const SHARES = { list: 46, campaign: 36, own: 10, pledge: 7, signIn: 1 };

export type Paths = Record<keyof typeof SHARES, string>;

export const mixInWords = Object.entries(SHARES)
  .map(([kind, many]) => `${many} % ${kind}`)
  .join(', ');

const json = { 'content-type': 'application/json' };

/** Each kind as evenly among the others as it goes. Whoever signs in is not who looks at his own page: he is signed out in time where he did so first. */
export function stepsOf(paths: Paths, token: string, email: string): Step[] {
  const made: Record<keyof Paths, Step> = {
    list: { method: 'GET', path: paths.list },
    campaign: { method: 'GET', path: paths.campaign },
    own: { method: 'GET', path: paths.own, headers: { authorization: `Bearer ${token}` } },
    pledge: { method: 'POST', path: paths.pledge, headers: asGiver, body: pledgeOf('card') },
    signIn: { method: 'POST', path: paths.signIn, headers: json, body: JSON.stringify({ email, password: PASSWORD }) },
  };
  const placed = Object.entries(SHARES).flatMap(([kind, many]) =>
    Array.from({ length: many }, (_, n) => ({ at: (n + 0.5) / many, step: made[kind as keyof Paths] })),
  );
  return placed.sort((one, other) => one.at - other.at).map(({ step }) => step);
}
