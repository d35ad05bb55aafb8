/** Brazil put a 9 before each mobile number, which began with 6 to 9; WhatsApp goes on without it where it began so. */
const brazilBefore = /^\+55([1-9]{2})([6-9]\d{7})$/;
/** Mexico gave up the 1 before its mobile numbers. */
const mexicoBefore = /^\+521(\d{10})$/;

/** Argentina has a 9 before each mobile number where it is called from abroad, and WhatsApp knows each with it. */
const argentinaAtHome = /^\+54([1-8]\d{9})$/;

/** The one key of a person's number in E.164, also of one in the form that it had before. */
export const canonicalPhone = (e164: string): string =>
  e164.replace(brazilBefore, '+55$19$2').replace(mexicoBefore, '+52$1').replace(argentinaAtHome, '+549$1');

/** Of WhatsApp's own name of a person, which is a number without its plus; `undefined` for any other. */
export const phoneOfWaId = (waId: string): string | undefined => (/^[1-9]\d{6,14}$/.test(waId) ? canonicalPhone(`+${waId}`) : undefined);
