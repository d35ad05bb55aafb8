import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.js';
import { pixSettingsOf } from '../../src/campaigns/payments/pix.provider.js';
import { aCertificate } from '../support/certificate.js';
import { faultsOf } from '../support/config.js';

describe('a configuration with Pix', () => {
  const complete = {
    PAYMENT_PROVIDER: 'sandbox,pix',
    PIX_API_URL: 'https://pix.bank.example/api',
    PIX_CLIENT_ID: 'id',
    PIX_CLIENT_SECRET: 'word-of-secret',
    PIX_KEY: 'pix@mutirao.example',
    PIX_WEBHOOK_SECRET: 'another-word',
  };
  let folder: string;
  const fileOf = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mutirao-pix-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is refused with all that is missing, and only where it is listed', () => {
    const faults = faultsOf({ PAYMENT_PROVIDER: 'pix', PIX_KEY: ' ' });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual(Object.keys(complete).slice(1));
    expect(faultsOf({ PAYMENT_PROVIDER: 'stripe', PIX_CERT_FILE: '/nowhere' })).toEqual([]);
  });

  it('is refused with half a certificate, one that is not there, or the key of another', () => {
    const [ours, theirs] = ['ours', 'theirs'].map(aCertificate);
    const cert = fileOf('cert.pem', ours!.cert);
    const key = fileOf('key.pem', ours!.key);
    const pair = (PIX_CERT_FILE: string, PIX_KEY_FILE: string) => faultsOf({ ...complete, PIX_CERT_FILE, PIX_KEY_FILE });
    expect(pair(cert, key)).toEqual([]);
    expect(pixSettingsOf(readConfig({ ...complete, PIX_CERT_FILE: cert, PIX_KEY_FILE: key }))).toEqual({
      url: complete.PIX_API_URL,
      clientId: 'id',
      clientSecret: 'word-of-secret',
      key: complete.PIX_KEY,
      tls: { cert: Buffer.from(ours!.cert), key: Buffer.from(ours!.key) },
    });
    expect(pair(cert, '')).toEqual(['PIX_KEY_FILE: expected a file beside PIX_CERT_FILE']);
    expect(pair('', key)).toEqual(['PIX_CERT_FILE: expected a file beside PIX_KEY_FILE']);
    expect(pair(join(folder, 'none'), folder)).toEqual([
      'PIX_CERT_FILE: expected a file that can be read, got ENOENT',
      'PIX_KEY_FILE: expected a file that can be read, got EISDIR',
    ]);
    const wrong = [expect.stringMatching(/^PIX_KEY_FILE: expected the private key of PIX_CERT_FILE/)];
    expect(pair(cert, fileOf('other.pem', theirs!.key))).toEqual(wrong);
    expect(pair(cert, fileOf('text.pem', 'no key'))).toEqual(wrong);
  });
});
