import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tuningSql, usual } from '../../src/cli/tuning.js';
import { envExample, withSettingsTable } from '../../src/config/documents.js';
import { settings } from '../../src/config/settings.js';
import { problems, problemsDocument } from '../../src/kernel/problems.js';
import { readSources } from './sources.js';

// What operators were promised; more may be added, none may go.
const promised = `PORT HOST PUBLIC_URL ENVIRONMENT DEBUG APP_ROLE WORKERS MAX_REQUESTS DATA_DIR LOG_LEVEL
  DATABASE_URL DATABASE_DIRECT_URL DATABASE_REPLICA_URLS PGPOOL_MIN_CONNECTIONS PGPOOL_MAX_CONNECTIONS REDIS_URL CACHE_REDIS_URL
  SECRET_KEY SECRET_KEY_PREVIOUS ADMIN_EMAIL ADMIN_PASSWORD BACKEND_CORS_ORIGINS TRUST_PROXY METRICS_ALLOW REFRESH_GRACE_SECONDS
  RATE_LIMIT_IP_PER_MINUTE RATE_LIMIT_PER_MINUTE RATE_LIMIT_USER_PER_MINUTE RATE_LIMIT_AUTH_PER_MINUTE
  SMTP_URL MAIL_FROM ALERT_SLACK_WEBHOOK ALERT_EMAIL_TO
  PAYMENT_PROVIDER SANDBOX_WEBHOOK_SECRET PIX_API_URL PIX_CLIENT_ID PIX_CLIENT_SECRET PIX_KEY PIX_CERT_FILE PIX_KEY_FILE PIX_WEBHOOK_SECRET
  AI_BASE_URL AI_API_KEY AI_MODEL AI_FALLBACK_BASE_URL AI_FALLBACK_API_KEY AI_FALLBACK_MODEL AI_PRICES AI_DAILY_TOKENS AI_RESET_TIMEZONE
  WHATSAPP_API_URL WHATSAPP_PHONE_NUMBER_ID WHATSAPP_ACCESS_TOKEN WHATSAPP_APP_SECRET WHATSAPP_VERIFY_TOKEN WHATSAPP_RATE_PER_SECOND
  WHATSAPP_ENFORCE_WINDOW AI_STREAMS_PER_USER AUDIO_MAX_MB AUDIO_KEEP_DAYS`.split(/\s+/);

const readme = readFileSync('README.md', 'utf8');
const missing = (names: readonly string[], known: object) => names.filter((name) => !Object.hasOwn(known, name));

describe('the environment', () => {
  it('knows every name that was promised', () => expect(missing(promised, settings)).toEqual([]));
  it('would be told of one that is gone', () => expect(missing(['PORT', 'HOST'], { PORT: 1 })).toEqual(['HOST']));
});

describe('what is generated is fresh', () => {
  it('.env.example', () => expect(readFileSync('.env.example', 'utf8')).toBe(envExample()));
  it('the table of the README', () => expect(readme).toBe(withSettingsTable(readme)));
  it('docs/errors.md', () => expect(readFileSync('docs/errors.md', 'utf8')).toBe(problemsDocument()));
  it('postgresql_tuning.sql', () => expect(readFileSync('postgresql_tuning.sql', 'utf8')).toBe(tuningSql(usual, 'mutirao')));
  it('a stale table would differ', () => {
    const stale = readme.replace('| `PORT` | 3000 |', '| `PORT` | 3001 |');
    expect(stale).not.toBe(withSettingsTable(stale));
  });
  it('a README without its marks is a fault', () => expect(() => withSettingsTable('# Title')).toThrow('README.md needs the lines'));
});

describe('refusals', () => {
  const used = readSources('src').flatMap(({ path, text }) =>
    path === 'src/kernel/problems.ts' ? [] : [...text.matchAll(/\b(?:Refusal|refused)\(\s*'([a-z_]+)'/g)].map(([, code]) => code ?? ''),
  );
  // Of the contract and of features that are to come; and what is told by its status alone, which the filter looks up.
  const otherwise = ['precondition_failed', 'link_invalid', 'too_large'];
  const texts = readSources('src').flatMap(({ path, text }) => (path === 'src/kernel/problems.ts' ? [] : [text]));
  it('are all spoken somewhere', () => {
    const unspoken = Object.keys(problems).filter((code) => !texts.some((text) => text.includes(`'${code}'`)));
    expect(unspoken.filter((code) => !otherwise.includes(code))).toEqual([]);
  });
  it('speak only codes of the catalogue', () => expect(missing(used, problems)).toEqual([]));
  it('have words for whoever meets them', () => {
    for (const { title, advice, status } of Object.values(problems)) {
      expect(title).toMatch(/^[A-Z].*[^.]$/);
      expect(advice).toMatch(/^[A-Z].*\.$/);
      expect(status).toBeGreaterThanOrEqual(400);
    }
  });
});

describe('decisions', () => {
  const line = /^(\d{4}-\d{2}-\d{2}) {2}(\S.*\S) {2,}(test\/\S+)$/;
  const lines = readFileSync('docs/decisions.md', 'utf8').split('\n');
  const decided = lines.filter((text) => /^\d{4}-/.test(text));

  it('are dated lines, each with the test that would break', () => {
    expect(decided.length).toBeGreaterThan(0);
    expect(decided.filter((text) => !line.test(text))).toEqual([]);
  });

  it('name tests that exist', () => {
    const tests = decided.map((text) => line.exec(text)?.[3] ?? '');
    expect(tests.filter((path) => !existsSync(path) && !existsSync(`${path}.spec.ts`))).toEqual([]);
  });
});

it('the README leads to documents that exist', () => {
  const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => path ?? '');
  expect(links.filter((path) => !existsSync(path))).toEqual([]);
});
