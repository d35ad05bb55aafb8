import { createHash } from 'node:crypto';
import { Refusal } from '../kernel/problems.js';

/** The version, which is what an owner changes, before the digest of all, sums included. */
export const etagOf = (whole: { version: number }): string =>
  `"${whole.version}-${createHash('sha1').update(JSON.stringify(whole)).digest('base64url')}"`;

/** The version that a change must meet; `undefined` where any will do. */
export function versionIn(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const [, version] = /^\s*(?:W\/)?"?(\d{1,9})(?:-[\w-]+)?"?\s*$/.exec(ifMatch) ?? [];
  if (version === undefined) throw new Refusal('precondition_failed', 'If-Match holds no version of this.');
  return Number(version);
}
