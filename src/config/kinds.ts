import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

/** One environment variable: how it is read, and what a person is told about it. */
export interface Setting<T> {
  read: z.ZodType<T, string | undefined>;
  expected: string;
  help: string;
  shown: string;
  secret: boolean;
}

interface Words {
  help: string;
  secret?: boolean;
  /** What the tables show as default where the value alone does not say it. */
  shown?: string;
}

const setting = <T>(read: z.ZodType<T, string | undefined>, expected: string, { help, secret = false, shown = '' }: Words): Setting<T> => ({
  read,
  expected,
  help,
  secret,
  shown,
});

const parsed = <T>(parse: (text: string) => T | undefined) =>
  z.string().transform((text, context): T => {
    const value = parse(text);
    if (value === undefined) {
      context.addIssue({ code: 'custom', message: 'not valid' });
      return z.NEVER;
    }
    return value;
  });

const wholeNumber = (text: string, min: number, max: number): number | undefined => {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined;
};

export const text = (fallback: string, words: Words) => setting(z.string().default(fallback), 'text', { shown: fallback, ...words });

export const optionalText = (words: Words) => setting(z.string().optional(), 'text', words);

export const matching = (pattern: RegExp, expected: string, words: Words) => setting(z.string().regex(pattern).optional(), expected, words);

export const whole = (fallback: number, words: Words & { min?: number; max?: number }) => {
  const { min = 0, max = 1_000_000_000 } = words;
  return setting(
    parsed((raw) => wholeNumber(raw, min, max))
      .optional()
      .transform((value) => value ?? fallback),
    `a whole number from ${min} to ${max}`,
    { shown: String(fallback), ...words },
  );
};

export const wholeOr = <W extends string>(word: W, fallback: number | W, words: Words & { min: number; max: number }) =>
  setting(
    parsed((raw) => (raw === word ? word : wholeNumber(raw, words.min, words.max)))
      .optional()
      .transform((value): number | W => value ?? fallback),
    `a whole number from ${words.min} to ${words.max}, or ${word}`,
    { shown: String(fallback), ...words },
  );

export const oneOf = <const C extends readonly [string, ...string[]]>(choices: C, fallback: C[number], words: Words) =>
  setting(
    z.enum(choices).default(fallback as never) as unknown as z.ZodType<C[number], string | undefined>,
    `one of ${choices.join(', ')}`,
    { shown: fallback, ...words },
  );

const truth = new Map([
  ...['true', '1', 'yes', 'on'].map((word) => [word, true] as const),
  ...['false', '0', 'no', 'off'].map((word) => [word, false] as const),
]);

export const optionalFlag = (words: Words) => setting(parsed((raw) => truth.get(raw.toLowerCase())).optional(), 'true or false', words);

export const flag = (fallback: boolean, words: Words) =>
  setting(
    parsed((raw) => truth.get(raw.toLowerCase()))
      .optional()
      .transform((value) => value ?? fallback),
    'true or false',
    { shown: String(fallback), ...words },
  );

const words = (raw: string) =>
  raw
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);

const canDecode = (raw: string) => {
  try {
    return decodeURIComponent(raw) !== '';
  } catch {
    return false;
  }
};

/** What each scheme needs beyond being a URL, as the clients that read it fail late and dimly. */
function isUrl(raw: string, schemes: readonly string[]): boolean {
  const [, scheme = '', rest = ''] = /^([a-z+]+):\/\/(\S[^\r\n]*)$/.exec(raw) ?? [];
  if (!schemes.includes(scheme) || !canDecode(raw)) return false;
  // Behind the host, this is the rest of a password with a slash in it.
  if (!scheme.startsWith('http') && /[/?#].*@/.test(rest)) return false;
  if (scheme === 'unix') return rest.startsWith('/');
  if (scheme === 'redis+cluster') {
    const [login, nodes] = loginAndHosts(rest);
    return nodes.split(',').every((node) => isUrl(`redis://${login}${node}`, ['redis']));
  }
  if (scheme.startsWith('postgres')) {
    // A socket's folder is told as ?host=, and then the usual place of the host stands empty.
    const address = rest.replace(/^([^/?#]*@)?(?=[/?])/, '$1nowhere');
    return URL.canParse(`${scheme}://${address}`) && (address === rest || /[?&]host=[^&]/.test(rest));
  }
  if (!URL.canParse(raw)) return false;
  const { hostname, pathname } = new URL(raw);
  return hostname !== '' && (!scheme.startsWith('redis') || /^\/?\d*$/.test(pathname));
}

/** Of several hosts in one address, which is no URL to the parser: `user:word@` and `h1:1,h2:2`. */
function loginAndHosts(rest: string): [login: string, hosts: string] {
  const [authority = ''] = rest.split(/[/?#]/, 1);
  const at = authority.lastIndexOf('@') + 1;
  return [authority.slice(0, at), authority.slice(at)];
}

const beginnings = (schemes: readonly string[]) => schemes.map((scheme) => `${scheme}://`).join(' or ');

export const url = (schemes: readonly string[], hint: Words) =>
  setting(
    parsed((raw) => (isUrl(raw, schemes) ? raw : undefined)).optional(),
    `a URL that begins with ${beginnings(schemes)}, special characters percent-encoded`,
    hint,
  );

const several = <T>(read: (part: string) => T | undefined, expected: string, hint: Words) =>
  setting(
    parsed((raw) => {
      const values = words(raw).map(read);
      return values.length > 0 && values.every((value) => value !== undefined) ? [...new Set(values)] : undefined;
    })
      .optional()
      .transform((values) => values ?? []),
    `${expected}, separated by commas`,
    hint,
  );

export const urls = (schemes: readonly string[], hint: Words) =>
  several((part) => (isUrl(part, schemes) ? part : undefined), `URLs that begin with ${beginnings(schemes)}`, hint);

/** As browsers send them: nothing after the port. */
export const origins = (hint: Words) =>
  several(
    (part) => {
      if (!isUrl(part, ['http', 'https'])) return undefined;
      const { origin, href } = new URL(part);
      return href === `${origin}/` ? origin : undefined;
    },
    'origins such as https://example.org, without a path',
    hint,
  );

const isNetwork = (part: string) => {
  const [address = '', bits, ...rest] = part.split('/');
  const family = isIP(address);
  return (
    family !== 0 &&
    !address.includes('%') &&
    rest.length === 0 &&
    (bits === undefined || wholeNumber(bits, 0, family === 4 ? 32 : 128) !== undefined)
  );
};

export const networks = (hint: Words) => several((part) => (isNetwork(part) ? part : undefined), 'IP addresses or CIDR ranges', hint);

export function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

export const timeZone = (fallback: string, hint: Words) =>
  setting(
    parsed((raw) => {
      try {
        new Intl.DateTimeFormat('en', { timeZone: raw });
        // An offset means the opposite to PostgreSQL, and knows no summer time.
        return /^[a-z]/i.test(raw) ? raw : undefined;
      } catch {
        return undefined;
      }
    })
      .optional()
      .transform((value) => value ?? fallback),
    'an IANA time zone such as America/Sao_Paulo',
    { shown: fallback, ...hint },
  );

const HOURS = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

/** From one time of the day to another, in minutes of the day. */
export const hours = (hint: Words) =>
  setting(
    parsed((raw) => {
      const [, ...told] = HOURS.exec(raw) ?? [];
      const [fromHour, fromMinute, toHour, toMinute] = told.map(Number) as [number?, number?, number?, number?];
      return toMinute === undefined ? undefined : { from: fromHour! * 60 + fromMinute!, to: toHour! * 60 + toMinute };
    }).optional(),
    'hours such as 21:00-08:00',
    hint,
  );

export const json = <T>(shape: z.ZodType<T>, expected: string, hint: Words) =>
  setting(
    parsed((raw) => {
      try {
        return shape.safeParse(JSON.parse(raw)).data;
      } catch {
        return undefined;
      }
    }).optional(),
    expected,
    hint,
  );

export const listOf = <const C extends readonly string[]>(choices: C, hint: Words) =>
  setting(
    parsed((raw) => {
      const chosen = [...new Set(words(raw))];
      return chosen.length > 0 && chosen.every((word): word is C[number] => choices.includes(word)) ? chosen : undefined;
    }).optional(),
    `some of ${choices.join(', ')}, separated by commas`,
    hint,
  );
