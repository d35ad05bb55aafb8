const HIDDEN = '[hidden]';
/** What stands before a `:secret` in the paths of routes. */
const signs = new Set<string>();
let secret: RegExp | undefined;

/** So that its secrets are known where somebody misses it. */
export function noteSecrets(route: string): void {
  for (const [, sign = ''] of route.matchAll(/([^/]+)\/:secret\b/g)) signs.add(sign.replaceAll(/[^\w-]/g, String.raw`\$&`));
  if (signs.size > 0) secret = new RegExp(`/(?:${[...signs].join('|')})/+(?=.)`, 'i');
}

/** The path without what may be a secret, however it is spelled. */
export function withoutSecrets(path: string): string {
  // Byte by byte, as it may be no text.
  const read = path.replaceAll(/%([\da-f]{2})/gi, (_all, digits: string) => String.fromCharCode(parseInt(digits, 16)));
  const found = secret?.exec(read);
  return found ? `${read.slice(0, found.index)}${found[0]}${HIDDEN}` : path;
}
