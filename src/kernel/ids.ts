import { randomBytes } from 'node:crypto';

const POOL_BYTES = 12_288;
let pool = '';
let used = 0;

/** Random digits; one system call for many of them. */
export function randomHex(digits: number): string {
  if (used + digits > pool.length) {
    pool = randomBytes(POOL_BYTES).toString('hex');
    used = 0;
  }
  used += digits;
  return pool.slice(used - digits, used);
}

let moment = -1;
let told = '';

/** A UUIDv7: 48 bits of milliseconds, then random, so that new rows land at the end of an index. */
export function newId(now = Date.now()): string {
  if (now !== moment) {
    const digits = now.toString(16).padStart(12, '0');
    told = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
    moment = now;
  }
  const random = randomHex(19);
  return `${told}${random.slice(0, 3)}-${VARIANT[parseInt(random[3]!, 16) & 3]}${random.slice(4, 7)}-${random.slice(7)}`;
}

const VARIANT = '89ab';
