import { generateKeyPairSync, sign } from 'node:crypto';

/** The standard's way to write things down: what it is, how long, and its bytes. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}
const list = (...parts: Buffer[]) => der(0x30, ...parts);
const name = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const moment = (at: Date) => der(0x17, Buffer.from(`${at.toISOString().replace(/\D/g, '').slice(2, 14)}Z`));

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = '2a8648ce3d040302';
const COMMON_NAME = '550403';
const ALTERNATIVE_NAME = '551d11';

/** A certificate of 127.0.0.1 that nobody but itself vouches for, and its key. Made here, as a bare machine has no openssl. */
export function aCertificate(who: string): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const common = list(der(0x31, list(name(COMMON_NAME), der(0x0c, Buffer.from(who)))));
  const days = [-1, 2].map((day) => moment(new Date(Date.now() + day * DAY_MS)));
  const address = list(name(ALTERNATIVE_NAME), der(0x04, list(der(0x87, Buffer.from([127, 0, 0, 1])))));
  const facts = list(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    list(name(ECDSA_WITH_SHA256)),
    common,
    list(...days),
    common,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, list(address)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', facts, privateKey));
  const body = list(facts, list(name(ECDSA_WITH_SHA256)), signature).toString('base64');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${body.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
