import { decimalOf } from '../reais.js';

export interface Request {
  /** Where the donor's bank finds the charge: host and path without `https://`, at most 77 characters. */
  location: string;
  receiver: string;
  city: string;
  amountCents: number;
}

const LONGEST = 512;
const LONGEST_FIELD = 99;
const PIX = 'br.gov.bcb.pix';

function field(id: string, value: string): string {
  if (value.length === 0 || value.length > LONGEST_FIELD) throw new RangeError(`field ${id} of a BR Code cannot be ${value.length} long`);
  return `${id}${String(value.length).padStart(2, '0')}${value}`;
}

/**
 * A dynamic BR Code, as the name of a charge with 26 to 35 characters fits into its address alone: in a static one it
 * may have 25. By hand, as pix-utils takes the amount as a float, keeps it out of dynamic codes and loads 18 MB.
 */
export function brCodeOf({ location, receiver, city, amountCents }: Request): string {
  const code = [
    field('00', '01'),
    field('01', '12'),
    field('26', field('00', PIX) + field('25', location)),
    field('52', '0000'),
    field('53', '986'),
    field('54', decimalOf(amountCents)),
    field('58', 'BR'),
    field('59', plain(receiver, 25)),
    field('60', plain(city, 15)),
    field('62', field('05', '***')),
    '6304',
  ].join('');
  return code + checksum(Buffer.from(code));
}

/** Banks' apps differ in how they count letters with accents. */
const plain = (text: string, longest: number) =>
  text
    .normalize('NFD')
    .replace(/[^ -~]/g, '')
    .slice(0, longest)
    .trim();

/** Whether a bank can read it: whole, untouched, and of Pix. */
export function isBrCode(text: string): boolean {
  if (text.length > LONGEST || !/^000201\P{Cc}+6304[\dA-F]{4}$/u.test(text)) return false;
  if (checksum(Buffer.from(text.slice(0, -4))) !== text.slice(-4)) return false;
  const fields = fieldsOf(text);
  const names = fieldsOf(fields?.get('26') ?? '');
  return names?.get('00')?.toLowerCase() === PIX && (names.has('01') || names.has('25')) && fields?.get('53') === '986';
}

/** Each field is its name, the length of its value, and the value. */
function fieldsOf(text: string): Map<string, string> | undefined {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const [, id = '', length = ''] = /^(\d\d)(\d\d)/.exec(text.slice(at, at + 4)) ?? [];
    const value = text.slice(at + 4, at + 4 + Number(length));
    if (value.length === 0 || value.length !== Number(length) || fields.has(id)) return undefined;
    fields.set(id, value);
    at += 4 + value.length;
  }
  return fields;
}

/** CRC-16 of CCITT, beginning with ones, as EMV prescribes. */
function checksum(bytes: Buffer): string {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return (crc & 0xffff).toString(16).toUpperCase().padStart(4, '0');
}
