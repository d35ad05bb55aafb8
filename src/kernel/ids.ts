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
let turn = 0;
const MOST_TURNS = 0xfff;

/**
 * A UUIDv7: 48 bits of milliseconds, 12 that count within one, then random. So new rows land at the end of an
 * index, and those of one process in the order in which they were made, also where its clock is put back.
 */
export function newId(now = Date.now()): string {
  if (now > moment || turn === MOST_TURNS) {
    moment = Math.max(now, moment + 1);
    // From the lower half on, so that there is room to count.
    turn = parseInt(randomHex(3), 16) >> 1;
    const digits = moment.toString(16).padStart(12, '0');
    told = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
  } else turn += 1;
  const random = randomHex(16);
  return `${told}${turn.toString(16).padStart(3, '0')}-${VARIANT[parseInt(random[0]!, 16) & 3]}${random.slice(1, 4)}-${random.slice(4)}`;
}

const VARIANT = '89ab';

/** Before every id that was made since then. */
export function firstIdAt(at: Date): string {
  const digits = at.getTime().toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-7000-8000-000000000000`;
}
