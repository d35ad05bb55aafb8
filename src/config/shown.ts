import { settings, type SettingName } from './settings.js';

const HIDDEN = '[hidden]';
const LONGEST = 100;

/** A sound address as it may be shown: no user, no password, and of the query only where a socket lies. */
function withoutCredentials(address: string): string {
  const [, scheme = '', authority = '', path = ''] = /^([^:]*:\/\/)([^/?#]*)([^?#]*)/.exec(address) ?? [];
  const folder = /[?&](host=[^&#]*)/.exec(address)?.[1];
  return `${scheme}${authority.slice(authority.lastIndexOf('@') + 1)}${path}${folder ? `?${folder}` : ''}`;
}

/** The value of a setting that was accepted, for people's eyes. */
export function showValue(name: SettingName, raw: string): string {
  if (name.endsWith('_URLS')) return raw.split(',').map(withoutCredentials).join(',');
  if (name.endsWith('_URL')) return withoutCredentials(raw);
  return settings[name].secret ? HIDDEN : raw;
}

/** The value of a setting that was refused: what is wrong in it may be the very place of a password. */
export function showFault(name: SettingName, raw: string): string {
  if (settings[name].secret || /[@?]/.test(raw)) return HIDDEN;
  return JSON.stringify(raw.length > LONGEST ? `${raw.slice(0, LONGEST)}…` : raw);
}
