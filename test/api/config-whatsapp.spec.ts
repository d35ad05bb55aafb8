import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.js';
import { CLOUD } from '../support/cloud-api.answers.js';
import { faultsOf } from '../support/config.js';

const complete = { WHATSAPP_API_URL: 'https://graph.facebook.example/v23.0', ...CLOUD };
const { WHATSAPP_BUSINESS_ACCOUNT_ID: _account, WHATSAPP_API_URL: _url, ...needed } = complete;

describe('a configuration with WhatsApp', () => {
  it('is refused with all that is missing, and only where there is an address', () => {
    const faults = faultsOf({ WHATSAPP_API_URL: complete.WHATSAPP_API_URL, WHATSAPP_APP_SECRET: ' ' });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual(Object.keys(needed));
    expect(faultsOf({ WHATSAPP_PHONE_NUMBER_ID: '1' })).toEqual([]);
    // Else what nobody gets would be told to have arrived.
    expect(faultsOf({ WHATSAPP_ACCESS_TOKEN: 'x' })).toEqual(['WHATSAPP_API_URL: expected an address beside WHATSAPP_ACCESS_TOKEN']);
  });

  it.each(Object.keys(needed))('is refused without %s', (name) => {
    expect(faultsOf({ ...complete, [name]: undefined })).toEqual([`${name}: expected a value beside WHATSAPP_API_URL`]);
  });

  it('is refused with a token that no header can hold, which is not shown', () => {
    expect(faultsOf({ ...complete, WHATSAPP_ACCESS_TOKEN: 'two words' }).join()).toMatch(
      /^WHATSAPP_ACCESS_TOKEN: expected a token(?!.*words)/,
    );
  });

  it('is taken, with or without an account', () => {
    expect(readConfig(complete)).toMatchObject(complete);
    expect(readConfig({ ...complete, WHATSAPP_BUSINESS_ACCOUNT_ID: ' ' }).WHATSAPP_BUSINESS_ACCOUNT_ID).toBeUndefined();
  });
});
