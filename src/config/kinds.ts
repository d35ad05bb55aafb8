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

export const wholeOr = <W extends string>(word: W, fallback: number, words: Words & { min: number; max: number }) =>
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
    {
      shown: fallback,
      ...words,
    },
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

const isUrl = (raw: string, schemes: readonly string[]) => {
  // Several hosts in one address are no URL to the parser; the rest of the shape still is.
  const single = raw.startsWith('redis+cluster:') ? raw.replace(/,[^/]*/, '') : raw;
  return URL.canParse(single) && schemes.includes(new URL(single).protocol.replace(/:$/, ''));
};

export const url = (schemes: readonly string[], hint: Words) =>
  setting(
    parsed((raw) => (isUrl(raw, schemes) ? raw : undefined)).optional(),
    `a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    hint,
  );

export const urls = (schemes: readonly string[], hint: Words) =>
  setting(
    parsed((raw) => (words(raw).every((part) => isUrl(part, schemes)) ? words(raw) : undefined))
      .optional()
      .transform((value) => value ?? []),
    `URLs that begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}, separated by commas`,
    hint,
  );

const isNetwork = (part: string) => {
  const [address = '', bits, ...rest] = part.split('/');
  const family = isIP(address);
  return family !== 0 && rest.length === 0 && (bits === undefined || wholeNumber(bits, 0, family === 4 ? 32 : 128) !== undefined);
};

export const networks = (hint: Words) =>
  setting(
    parsed((raw) => (words(raw).every(isNetwork) ? words(raw) : undefined))
      .optional()
      .transform((value) => value ?? []),
    'IP addresses or CIDR ranges, separated by commas',
    hint,
  );

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
        return raw;
      } catch {
        return undefined;
      }
    })
      .optional()
      .transform((value) => value ?? fallback),
    'an IANA time zone such as America/Sao_Paulo',
    { shown: fallback, ...hint },
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
    parsed((raw) =>
      words(raw).every((word): word is C[number] => choices.includes(word)) ? (words(raw) as C[number][]) : undefined,
    ).optional(),
    `some of ${choices.join(', ')}, separated by commas`,
    hint,
  );
