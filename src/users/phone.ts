import { parsePhoneNumberFromString } from 'libphonenumber-js/min';

/** In E.164, as it must be given; `undefined` for what no telephone has. */
export function normalPhone(given: string): string | undefined {
  const phone = given.length <= 40 ? parsePhoneNumberFromString(given) : undefined;
  return phone?.isValid() && phone.number === given.replaceAll(/[\s().-]/g, '') ? phone.number : undefined;
}
