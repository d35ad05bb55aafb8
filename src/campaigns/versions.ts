import { createHash } from 'node:crypto';
import { Refusal } from '../kernel/problems.js';

/** The version, which is what an owner changes, before the digest of all, sums included. */
export const etagOf = (whole: { version: number }): string =>
  `"${whole.version}-${createHash('sha1').update(JSON.stringify(whole)).digest('base64url')}"`;

/** The versions of which a change must meet one; `undefined` where any will do. */
export function versionsIn(ifMatch: string | undefined): number[] | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const versions = ifMatch.split(',').flatMap((tag) => TAG.exec(tag)?.slice(1).map(Number) ?? []);
  if (versions.length === 0) throw new Refusal('precondition_failed', 'If-Match holds no version of this.');
  return versions;
}

const TAG = /^\s*(?:W\/)?"?(\d{1,9})(?:-[\w-]+)?"?\s*$/;
