import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { isSameProof, Keys, proofBy, type Key } from '../config/keys.js';

export const ACCESS_SECONDS = 900;
/** Clocks of machines differ, and are put right: what one that was ahead has signed is not refused for it, and good for twice as long at most. */
const SKEW_SECONDS = ACCESS_SECONDS;
const ISSUER = 'mutirao';
const AUDIENCE = 'mutirao-api';
const MOST_LETTERS = 1_000;
const SIGNATURE_LETTERS = 43;
const MOST_PROVED = 10_000;

const claims = z.object({
  iss: z.literal(ISSUER),
  aud: z.literal(AUDIENCE),
  use: z.literal('access'),
  sub: z.uuid(),
  sid: z.uuid(),
  iat: z.int(),
  exp: z.int(),
});

export type Claims = Pick<z.infer<typeof claims>, 'sub' | 'sid'>;

/**
 * JSON Web Tokens of exactly one kind. The head is compared letter by letter with those we write ourselves:
 * no word of the caller's chooses an algorithm or a key.
 */
@Injectable()
export class AccessTokens {
  private readonly kinds: readonly { head: string; key: Key }[];
  /** What was proved once stays so until it expires. */
  private readonly proved = new Map<string, Claims & { iat: number; exp: number }>();

  constructor(keys: Keys) {
    this.kinds = keys.for('access token').map((key) => ({ head: encoded({ alg: 'HS256', typ: 'at+jwt', kid: key.id }), key }));
  }

  issue({ sub, sid }: Claims, now = Date.now()): string {
    const [{ head, key }] = this.kinds as [(typeof this.kinds)[0]];
    const iat = Math.floor(now / 1_000);
    const signed = `${head}.${encoded({ iss: ISSUER, aud: AUDIENCE, use: 'access', sub, sid, iat, exp: iat + ACCESS_SECONDS })}`;
    return `${signed}.${proofBy(key, signed)}`;
  }

  /** `undefined` where it proves nothing. */
  read(token: string, now = Date.now()): Claims | undefined {
    const seconds = now / 1_000;
    const said = this.proved.get(token) ?? this.prove(token);
    return said && said.exp > seconds && said.iat <= seconds + SKEW_SECONDS ? said : undefined;
  }

  private prove(token: string) {
    if (token.length > MOST_LETTERS) return undefined;
    const kind = this.kinds.find(({ head }) => token.startsWith(`${head}.`));
    const end = token.length - SIGNATURE_LETTERS;
    if (!kind || token[end - 1] !== '.') return undefined;
    const signed = token.slice(0, end - 1);
    if (!isSameProof(token.slice(end), proofBy(kind.key, signed))) return undefined;
    const said = claims.safeParse(decoded(signed.slice(kind.head.length + 1)));
    if (!said.success) return undefined;
    if (this.proved.size >= MOST_PROVED) this.proved.delete(this.proved.keys().next().value!);
    this.proved.set(token, said.data);
    return said.data;
  }
}

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

function decoded(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}
