import { createHmac } from 'node:crypto';

/** As RFC 6238 has it, and every app understands. */
const STEP_SECONDS = 30;
const DIGITS = 6;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Clocks differ, and typing takes time. */
const STEPS_ASIDE = 1;

export function base32(bytes: Buffer): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => LETTERS[parseInt(five.padEnd(5, '0'), 2)]).join('');
}

export const otpauthUrl = (email: string, secret: Buffer): string =>
  `otpauth://totp/${encodeURIComponent(`Mutirão:${email}`)}?secret=${base32(secret)}&issuer=${encodeURIComponent('Mutirão')}`;

/** The step to which a code belongs, if it is one of these minutes. */
export function stepOf(secret: Buffer, code: string, now = Date.now()): number | undefined {
  const current = Math.floor(now / 1_000 / STEP_SECONDS);
  const steps = Array.from({ length: 2 * STEPS_ASIDE + 1 }, (_, at) => current - STEPS_ASIDE + at);
  return steps.find((step) => codeAt(secret, step) === code);
}

function codeAt(secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', secret).update(counter).digest();
  const at = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 10 ** DIGITS).padStart(DIGITS, '0');
}
