type Whom = 'message' | 'recipient' | 'all';

/** What an error of Meta's means for the message that met it. */
export type MetaError =
  | { kind: 'wait'; says: string; whom: Whom; waitMs: number }
  | { kind: 'stop'; says: string; advice: string; optsOut?: true }
  | { kind: 'fix'; says: string; advice: string };

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const wait = (says: string, whom: Whom, waitMs: number): MetaError => ({ kind: 'wait', says, whom, waitMs });
const stop = (says: string, advice: string): MetaError => ({ kind: 'stop', says, advice });
const fix = (says: string, advice: string): MetaError => ({ kind: 'fix', says, advice });

const PERMIT = 'Give the token the permission whatsapp_business_messaging for this number.';
const RENEW = 'Make a new access token and set WHATSAPP_ACCESS_TOKEN.';
const RIGHT_NUMBER = 'Compare WHATSAPP_PHONE_NUMBER_ID with the number in WhatsApp Manager.';
const REGISTER = 'Register the sending number again in WhatsApp Manager.';
const RIGHT_REQUEST = 'Compare the message with what the version of the API in WHATSAPP_API_URL takes.';
const RIGHT_TEMPLATE = 'Compare the template, its language and its parameters with those in WhatsApp Manager.';
const OTHER_WAY = 'Reach this person in another way.';
const LATER_IF_AT_ALL = 'Try at another time, if it still matters then.';

/** By the codes of Meta's public list, and by those of its Graph API that a call may meet. */
const known: Readonly<Record<number, MetaError>> = {
  0: fix('the access token is not taken', RENEW),
  1: wait('Meta met a fault that it does not know', 'message', 30 * SECOND),
  2: wait('Meta is down or overloaded', 'all', 30 * SECOND),
  3: fix('the app may not call this', PERMIT),
  4: wait('the app has made too many calls', 'all', MINUTE),
  10: fix('the app has not the permission', PERMIT),
  17: wait('the account has made too many calls', 'all', MINUTE),
  32: wait('the page has made too many calls', 'all', MINUTE),
  33: fix('the sending number is not there', RIGHT_NUMBER),
  100: stop('Meta does not take the message as it is', RIGHT_REQUEST),
  102: fix('the session of the token is over', RENEW),
  190: fix('the access token is not valid or no longer', RENEW),
  341: wait('the app has reached a limit of its own', 'all', 5 * MINUTE),
  368: fix('the account is restricted for breaking a policy', 'Read in WhatsApp Manager which policy, and ask for a review.'),
  506: stop('Meta sees the same message twice in a row', 'Look whether the first one arrived.'),
  613: wait('the account has made too many calls', 'all', MINUTE),
  80007: wait('the business account has reached its rate limit', 'all', MINUTE),
  80008: wait('the business account has made too many calls', 'all', MINUTE),
  130429: wait('more messages than the number may send at once', 'all', 4 * SECOND),
  130472: stop('Meta keeps this person out of such messages for an experiment', OTHER_WAY),
  130497: stop('the account may not write to people of this country', OTHER_WAY),
  131000: wait('Meta could not send it and does not say why', 'message', 30 * SECOND),
  131001: stop('the message is too long', 'Write less.'),
  131002: stop('there is no such kind of recipient', RIGHT_REQUEST),
  131005: fix('the access is denied', PERMIT),
  131006: fix('something that the call names is not there', RIGHT_NUMBER),
  131008: stop('the message lacks something', RIGHT_REQUEST),
  131009: stop('a value of the message is not one that Meta takes', RIGHT_REQUEST),
  131016: wait('a part of Meta is overloaded', 'all', 30 * SECOND),
  131021: stop('sender and recipient are the same number', 'Write to somebody else.'),
  131026: stop('WhatsApp cannot deliver to this number', `The number may have no WhatsApp, or an old one. ${OTHER_WAY}`),
  131030: stop('the sending number is one for tests and may not write to this one', 'Add the recipient to its list, or use a real number.'),
  131031: fix('the business account is locked', 'Read in WhatsApp Manager why, and ask for a review.'),
  131037: fix('the display name of the sending number is not approved', 'Have it approved in WhatsApp Manager.'),
  131042: fix('the payment of the business account is not in order', 'Mend the way of payment in WhatsApp Manager.'),
  131043: stop('the message waited too long at Meta and expired', LATER_IF_AT_ALL),
  131045: fix('the sending number is not registered as it should be', REGISTER),
  131047: stop('this person has not written within 24 hours', 'Use a template, or wait until they write.'),
  131048: fix(
    'too many people block or report messages of the sending number',
    'Write less and better; look at the quality in WhatsApp Manager.',
  ),
  131049: stop('this person gets enough advertising from others already', 'Do not try again within 24 hours.'),
  131050: { kind: 'stop', says: 'this person wants no such messages', advice: 'Do not write to them again.', optsOut: true },
  131051: stop('Meta does not know this kind of message', RIGHT_REQUEST),
  131052: stop('what a person sent could not be loaded', 'Ask them to send it again.'),
  131053: stop('what should be sent could not be loaded', 'Look at its kind and its size.'),
  131055: stop('this number is for advertising only', RIGHT_TEMPLATE),
  131056: wait('too many messages to this person at once', 'recipient', 30 * SECOND),
  131057: wait('the account is under maintenance', 'all', 5 * MINUTE),
  131058: stop('the template hello_world is for numbers of tests only', 'Use a template of your own.'),
  132000: stop('the template wants another number of parameters', RIGHT_TEMPLATE),
  132001: stop('there is no such template in this language, or it is not approved', RIGHT_TEMPLATE),
  132005: stop('the template is too long with these parameters', 'Use shorter parameters.'),
  132007: stop('the template breaks a policy on its content', RIGHT_TEMPLATE),
  132008: stop('a parameter has a form that its place does not take', RIGHT_TEMPLATE),
  132012: stop('a parameter is written in another way than the template wants', RIGHT_TEMPLATE),
  132015: stop('the template is paused, as people do not like it', 'Wait until Meta takes it again, or use another one.'),
  132016: stop('the template is disabled for good', 'Make another one.'),
  132018: stop('the parameters of the template do not fit it', RIGHT_TEMPLATE),
  132068: stop('the flow of the template is blocked', 'Mend the flow in WhatsApp Manager.'),
  132069: wait('the flow of the template is slowed down', 'message', 15 * MINUTE),
  133000: fix('the sending number was deregistered halfway', 'Deregister it again, then register it.'),
  133001: fix('the sending number could not be decrypted', REGISTER),
  133002: fix('a backup of the sending number could not be decrypted', REGISTER),
  133003: fix('a recovery token could not be decrypted', REGISTER),
  133004: wait('Meta is away for a moment', 'all', MINUTE),
  133005: fix('the PIN of the sending number is wrong', 'Set the right PIN in WhatsApp Manager.'),
  133006: fix('the sending number is not verified', REGISTER),
  133007: fix('the sending number is blocked', REGISTER),
  133008: fix('the PIN was guessed too often', 'Wait as long as Meta says, then set the right PIN.'),
  133009: fix('the PIN was guessed too fast', 'Wait as long as Meta says, then set the right PIN.'),
  133010: fix('the sending number is not registered', REGISTER),
  133015: fix('the sending number was deleted a moment ago', 'Wait five minutes, then register it again.'),
  133016: fix('the sending number was registered too often', 'Wait 72 hours, then register it again.'),
  134011: fix('the terms of payments are not accepted', 'Accept them in WhatsApp Manager.'),
  134100: stop('only advertising is taken here', RIGHT_TEMPLATE),
  134101: wait('the template is not ready yet', 'message', 10 * MINUTE),
  134102: stop('the template cannot be used', RIGHT_TEMPLATE),
  135000: stop('Meta does not take the message and does not say why', RIGHT_REQUEST),
  136025: fix('the code that verifies the sending number is wrong', REGISTER),
};

/** Permissions of the Graph API. */
const isPermission = (code: number) => code >= 200 && code <= 299;

/** With which Meta says that a thing of the address is not there, under the code of a wrong message. */
const NOT_THERE = 33;

/** `undefined` for what is on no list. */
export function metaErrorOf(code: number, subcode?: number): MetaError | undefined {
  if (code === 100 && subcode === NOT_THERE) return known[NOT_THERE];
  return isPermission(code) ? known[10] : known[code];
}

export const knownCodes: readonly number[] = Object.keys(known).map(Number);

/** For codes that are on no list; `undefined` where the message may have been taken all the same. */
export function metaErrorByStatus(status: number): MetaError | undefined {
  if (status === 429) return wait('Meta has had too many calls', 'all', 30 * SECOND);
  if (status === 401) return known[190];
  return status >= 400 && status < 500 ? stop('Meta does not take the message', RIGHT_REQUEST) : undefined;
}
