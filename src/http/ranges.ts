import { Refusal } from '../kernel/problems.js';

/** From the one byte to the other, both of them counted in. */
export interface Part {
  from: number;
  to: number;
}

const ASKED = /^bytes=(\d{0,15})-(\d{0,15})$/i;

/** The part of so many bytes that is asked for. Nothing where all of it is, and where what is asked is not understood: then all of it is sent. */
export function partOf(range: string | undefined, bytes: number): Part | undefined {
  const [, first = '', last = ''] = ASKED.exec(range?.trim() ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  // `-5` asks for the last five.
  const from = first === '' ? Math.max(0, bytes - Number(last)) : Number(first);
  if (from >= bytes)
    throw new Refusal('range_not_satisfiable', `It has ${bytes} bytes.`, undefined, { 'content-range': `bytes */${bytes}` });
  return { from, to: first === '' || last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1) };
}
