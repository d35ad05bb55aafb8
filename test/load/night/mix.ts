import { randomUUID } from 'node:crypto';

/** What people do on a night on which everybody speaks of one campaign, and how many of a hundred do it. */
export const mix = { lists: 45, campaigns: 35, 'own pages': 10, gifts: 7, AI: 2, 'sign-ins': 1 } as const;
export type Kind = keyof typeof mix;
export const kinds = Object.keys(mix) as Kind[];

export interface Person {
  email: string;
  token: string;
  /** From where he comes, as the hop in front tells it. */
  address: string;
}

export interface Wish {
  kind: Kind;
  method: 'GET' | 'POST';
  path: string;
  headers: string;
  body: string;
  /** What is right as an answer, and what stands in it then. */
  status: number;
  shows: string;
}

export const PASSWORD = 'uma frase bem longa e minha';
export const GIFT_CENTS = 5_000;
const lists = ['', '', '', '?sort=-raisedCents', '?sort=endsAt', '?page=2', '?q=telhado', '?limit=50', '?q=creche&sort=-raisedCents'];
/** With what stands in each; in one's own page one's own address. */
const own = [
  ['/users/me', ''],
  ['/users/me/donations', '"items":['],
  ['/users/me/limits', '"limit":'],
  ['/ai/usage', '"used":'],
] as const;
const questions = [
  'Quais campanhas precisam de ajuda?',
  'Como eu doo com Pix?',
  'Quanto falta para o telhado da creche?',
  'Which campaigns are close to their goal?',
  'O que é feito com o meu dinheiro?',
];

/** Numbers as by chance, the same again for the same seed. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function kindOf(part: number): Kind {
  let upTo = 0;
  return kinds.find((kind) => part * 100 < (upTo += mix[kind])) ?? 'lists';
}

/** The next thing that somebody wants. Of campaigns, half want the first, and each further one fewer. */
export function wishOf({ email, token, address }: Person, campaigns: readonly string[], draw: () => number): Wish {
  const kind = kindOf(draw());
  const from = `x-forwarded-for: ${address}\r\n`;
  const signedIn = `${from}authorization: Bearer ${token}\r\n`;
  const campaign = campaigns[draw() < 0.5 ? 0 : Math.floor(draw() ** 2 * campaigns.length)] ?? '';
  const oneOf = (some: readonly string[]) => some[Math.floor(draw() * some.length)] ?? '';
  const read = (path: string, headers: string, shows: string): Wish => ({
    ...{ kind, method: 'GET', path: `/api/v1${path}`, headers, body: '', status: 200, shows },
  });
  const send = (path: string, headers: string, shows: string, status: number, body: object): Wish => ({
    ...read(path, headers, shows),
    method: 'POST',
    status,
    body: JSON.stringify(body),
  });
  switch (kind) {
    case 'lists':
      return read(`/campaigns${oneOf(lists)}`, from, '"items":[');
    case 'campaigns':
      return read(`/campaigns/${campaign}`, from, `"id":"${campaign}"`);
    case 'own pages': {
      const [path, shows] = own[Math.floor(draw() * own.length)]!;
      return read(path, signedIn, shows || `"email":"${email}"`);
    }
    case 'gifts': {
      const gift = { amountCents: GIFT_CENTS, method: draw() < 0.7 ? 'pix' : 'card', donor: { name: 'Bruno Lima', email } };
      const headers = `${from}idempotency-key: ${randomUUID()}\r\n`;
      return send(`/campaigns/${campaign}/donations`, headers, `"amountCents":${GIFT_CENTS}`, 201, gift);
    }
    case 'AI':
      return send('/ai/chat', signedIn, '"reply":"', 200, { message: oneOf(questions) });
    case 'sign-ins':
      return send('/auth/login', from, `"email":"${email}"`, 200, { email, password: PASSWORD });
  }
}
