import { Refusal } from '../kernel/problems.js';

export const MOST_PART_HEAD_BYTES = 4_096;

const BOUNDARY = /;\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i;
const DISPOSITION = /^content-disposition[\t ]*:[\t ]*form-data[\t ]*(;.*)$/im;
const PARAMETER = /;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/g;
const FIELD = /^[\w.[\]-]{1,100}$/;

/** What stands between the parts of a form, by its type. */
export function boundaryOf(type: string): string {
  const [, quoted, bare] = BOUNDARY.exec(type) ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined) throw unreadable('its type names no boundary');
  return boundary;
}

/** What the head of a part calls it. */
export function namesIn(head: string): { name: string; filename: string | undefined } {
  const said = DISPOSITION.exec(head)?.[1] ?? '';
  const given = new Map(Array.from(said.matchAll(PARAMETER), ([, key = '', quoted, bare]) => [key.toLowerCase(), quoted ?? bare ?? '']));
  const name = given.get('name') ?? '';
  if (!FIELD.test(name)) throw unreadable('a part of it has no name, or an odd one');
  return { name, filename: given.get('filename') ?? given.get('filename*') };
}

export const unreadable = (why: string) => new Refusal('bad_request', `The form cannot be read: ${why}.`);
