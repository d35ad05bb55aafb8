import { z } from 'zod';
import {
  flag,
  hours,
  json,
  listOf,
  matching,
  networks,
  oneOf,
  optionalFlag,
  optionalText,
  origins,
  text,
  timeZone,
  url,
  urls,
  whole,
  wholeOr,
} from './kinds.js';

const postgresUrl = ['postgres', 'postgresql'];
const redisUrl = ['redis', 'rediss', 'redis+cluster', 'unix'];
const webUrl = ['http', 'https'];
const mailAddress = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const senderLine = /^(?:[^<>@\p{Cc}]*<[^\s@<>]+@[^\s@<>]+>|[^\s@<>]+@[^\s@<>]+)$/u;
const prices = z.record(z.string(), z.object({ input: z.number().min(0), output: z.number().min(0) }));

/** Every environment variable of the system, in the order people read them. `.env.example` and the README's table come from here. */
export const sections = {
  Process: {
    PORT: whole(3000, { max: 65535, help: 'port of the HTTP server; 0 takes a free one' }),
    HOST: matching(/^[\w.:%-]+$/, 'an IP address or a host name', {
      help: 'address to listen on',
      shown: '127.0.0.1; 0.0.0.0 in production',
    }),
    PUBLIC_URL: url(webUrl, { help: 'address people use, for links in mails', shown: 'the address it listens on' }),
    ENVIRONMENT: oneOf(['development', 'test', 'production'], 'development', { help: 'production refuses anything unsafe' }),
    DEBUG: flag(false, { help: 'more detail in logs; refused in production' }),
    APP_ROLE: oneOf(['all', 'api', 'ai', 'worker'], 'all', { help: 'what this instance does' }),
    WORKERS: wholeOr('auto', 1, { min: 1, max: 128, help: 'request processes' }),
    MAX_REQUESTS: whole(0, { help: 'requests after which a process is replaced; 0: never' }),
    MAX_MEMORY_MB: whole(0, { help: 'resident memory above which a process is replaced; 0: its share of what there is' }),
    DATA_DIR: text('.data', { help: 'folder of the private engines and of what they keep' }),
    LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info', { help: 'least level that is logged' }),
  },
  'Database and Redis': {
    DATABASE_URL: url(postgresUrl, { secret: true, help: 'PostgreSQL 15 or later', shown: 'a private one in DATA_DIR' }),
    DATABASE_DIRECT_URL: url(postgresUrl, {
      secret: true,
      help: 'the same database past PgBouncer, for migrations and LISTEN',
      shown: 'DATABASE_URL',
    }),
    DATABASE_REPLICA_URLS: urls(postgresUrl, { secret: true, help: 'read replicas' }),
    PGPOOL_MIN_CONNECTIONS: whole(10, { max: 1000, help: 'connections kept open by each process' }),
    PGPOOL_MAX_CONNECTIONS: whole(50, {
      min: 2,
      max: 1000,
      help: 'most connections of each process; beyond ten, only beside those that stand still',
    }),
    PG_STATEMENT_TIMEOUT_MS: whole(10_000, { min: 100, help: 'longest time of one statement' }),
    PG_LOCK_TIMEOUT_MS: whole(3_000, { min: 50, help: 'longest wait for a lock' }),
    REDIS_URL: url(redisUrl, {
      secret: true,
      help: 'queues and counters; its maxmemory-policy must be noeviction',
      shown: 'a private one in DATA_DIR',
    }),
    CACHE_REDIS_URL: url(redisUrl, { secret: true, help: 'caches; any policy', shown: 'REDIS_URL' }),
  },
  Security: {
    SECRET_KEY: optionalText({
      secret: true,
      help: 'signs tokens; 64 or more characters in production',
      shown: 'made once in DATA_DIR when embedded',
    }),
    SECRET_KEY_PREVIOUS: optionalText({ secret: true, help: 'the key before, still accepted while it is rotated' }),
    ADMIN_EMAIL: matching(mailAddress, 'an e-mail address', { help: 'first administrator, made at start' }),
    ADMIN_PASSWORD: optionalText({ secret: true, help: 'password of the first administrator' }),
    BACKEND_CORS_ORIGINS: origins({ help: 'web origins that may call the API' }),
    TRUST_PROXY: networks({ help: 'proxies whose X-Forwarded-For counts' }),
    METRICS_ALLOW: networks({ help: 'addresses that may read /metrics' }),
    REFRESH_GRACE_SECONDS: whole(10, { max: 300, help: 'time in which a used refresh token gives the same successor again' }),
  },
  Limits: {
    RATE_LIMIT_IP_PER_MINUTE: whole(600, { help: 'requests of one address; 0: off' }),
    RATE_LIMIT_PER_MINUTE: whole(60, { help: 'costly requests of one person; 0: off' }),
    RATE_LIMIT_USER_PER_MINUTE: whole(600, { help: 'other requests of one person; 0: off' }),
    RATE_LIMIT_AUTH_PER_MINUTE: whole(5, { help: 'sign-ins per address and account; 0: off' }),
    OVERLOAD_DELAY_MS: whole(250, { max: 60_000, help: 'a process this late with its work refuses more of it; 0: never' }),
  },
  Traces: {
    OTEL_EXPORTER_OTLP_ENDPOINT: url(webUrl, {
      help: 'a collector of OpenTelemetry that gets traces, by OTLP over HTTP',
      shown: 'none are told',
    }),
  },
  'Mail and alerts': {
    SMTP_URL: url(['smtp', 'smtps'], { secret: true, help: 'mail server' }),
    MAIL_FROM: matching(senderLine, 'an address such as Mutirão <no-reply@example.org>', {
      help: 'sender of mails',
      shown: 'no-reply at the host of PUBLIC_URL',
    }),
    ALERT_SLACK_WEBHOOK: url(webUrl, { secret: true, help: 'where alerts go' }),
    ALERT_EMAIL_TO: matching(mailAddress, 'an e-mail address', { help: 'who gets alerts' }),
  },
  Payments: {
    PAYMENT_PROVIDER: listOf(['sandbox', 'pix', 'stripe'], { help: 'who takes the money', shown: 'sandbox when embedded' }),
    SANDBOX_WEBHOOK_SECRET: optionalText({ secret: true, help: "signs the sandbox provider's webhooks" }),
    PIX_API_URL: url(webUrl, { help: 'API Pix of the bank' }),
    PIX_CLIENT_ID: optionalText({ help: 'OAuth2 client' }),
    PIX_CLIENT_SECRET: optionalText({ secret: true, help: 'OAuth2 secret' }),
    PIX_KEY: optionalText({ help: 'Pix key of the receiver' }),
    PIX_CERT_FILE: optionalText({ help: 'client certificate, PEM' }),
    PIX_KEY_FILE: optionalText({ help: 'its private key, PEM' }),
    PIX_WEBHOOK_SECRET: optionalText({ secret: true, help: "secret part of the Pix webhook's path" }),
  },
  AI: {
    AI_BASE_URL: url(webUrl, { help: "an API that speaks OpenAI's protocol", shown: 'the built-in offline model' }),
    AI_API_KEY: optionalText({ secret: true, help: 'its key' }),
    AI_MODEL: optionalText({ help: 'its model' }),
    AI_FALLBACK_BASE_URL: url(webUrl, { help: 'second provider' }),
    AI_FALLBACK_API_KEY: optionalText({ secret: true, help: 'its key' }),
    AI_FALLBACK_MODEL: optionalText({ help: 'its model' }),
    AI_PRICES: json(prices, 'JSON such as {"model": {"input": 0.15, "output": 0.6}} per million tokens', {
      help: 'prices per million tokens',
    }),
    AI_CONTEXT_TOKENS: whole(8_192, { min: 4_096, max: 10_000_000, help: 'tokens that a model of the chat can read and write at once' }),
    AI_TRANSCRIPTION_MODEL: optionalText({ help: 'its model for writing down what is said', shown: 'AI_MODEL' }),
    AI_DAILY_TOKENS: whole(50_000, { help: 'tokens per person and day' }),
    AI_DAILY_USD: matching(/^\d{1,6}(?:\.\d{1,9})?$/, 'dollars, such as 2.50', {
      help: 'most that the AI may cost per person and day',
      shown: 'no ceiling of its own',
    }),
    AI_RESET_TIMEZONE: timeZone('America/Sao_Paulo', { help: 'where the day of the budget begins' }),
    AI_STREAMS_PER_USER: whole(5, { min: 1, max: 1000, help: 'streams of one person at once' }),
  },
  'Messages and audio': {
    WHATSAPP_API_URL: url(webUrl, { help: 'WhatsApp Cloud API', shown: 'a sandbox that sends nothing' }),
    WHATSAPP_PHONE_NUMBER_ID: optionalText({ help: 'sender' }),
    WHATSAPP_BUSINESS_ACCOUNT_ID: optionalText({ help: 'whose templates can be listed' }),
    WHATSAPP_ACCESS_TOKEN: matching(/^[!-~]+$/, 'a token without spaces', { secret: true, help: 'token of the API' }),
    WHATSAPP_APP_SECRET: optionalText({ secret: true, help: "checks the webhook's signature" }),
    WHATSAPP_VERIFY_TOKEN: optionalText({ secret: true, help: "answers Meta's challenge" }),
    WHATSAPP_RATE_PER_SECOND: whole(20, { min: 1, max: 1000, help: 'messages per second over all processes' }),
    WHATSAPP_PAIR_SECONDS: whole(6, { max: 3_600, help: 'seconds between two messages to one recipient' }),
    WHATSAPP_ENFORCE_WINDOW: optionalFlag({ help: '24-hour window and template rules', shown: 'true in production' }),
    WHATSAPP_THANKS_TEMPLATE: matching(
      /^[a-z0-9_]+\/[a-z]{2,3}(_[A-Z]{2})?$/,
      'a template and its language, such as donation_receipt/pt_BR',
      {
        help: 'thanks donors, by name, amount and campaign; without it only the sandbox does',
      },
    ),
    WHATSAPP_QUIET_HOURS: hours({ help: 'when no broadcast is sent', shown: 'none' }),
    WHATSAPP_TIMEZONE: timeZone('America/Sao_Paulo', { help: 'where these hours are told' }),
    WHATSAPP_DAILY_RECIPIENTS: whole(0, {
      max: 10_000_000,
      help: 'people who may be written to first within 24 hours, as the tier of the account allows; 0: no bound',
    }),
    AUDIO_MAX_MB: whole(25, { min: 1, max: 1024, help: 'largest audio file' }),
    AUDIO_MAX_MINUTES: whole(60, { min: 1, max: 600, help: 'longest audio' }),
    AUDIO_MAX_WAITING: whole(500, { min: 1, max: 100_000, help: 'audio files that may wait at once' }),
    AUDIO_MAX_WAITING_EACH: whole(50, { min: 1, max: 100_000, help: 'audio files of one person that may wait at once' }),
    AUDIO_CONCURRENCY: wholeOr('auto', 'auto', {
      min: 1,
      max: 64,
      help: 'audio files worked on at once by each worker; auto: as cores and memory allow',
    }),
    AUDIO_KEEP_DAYS: whole(30, { min: 1, max: 3650, help: 'days audio files are kept' }),
  },
  'Business questions': {
    ANALYTICS_DIR: optionalText({
      help: 'folder of what is exported for them; of several machines one that all of them share',
      shown: 'analytics in DATA_DIR',
    }),
    ANALYTICS_REFRESH_MINUTES: whole(60, { max: 10_080, help: 'minutes after which it is exported anew; 0: only when an admin orders it' }),
    ANALYTICS_MEMORY_MB: whole(512, { min: 128, max: 65_536, help: 'memory of DuckDB in each process that answers' }),
    ANALYTICS_PROCESSES: whole(2, { min: 1, max: 32, help: 'questions that one request process answers at once' }),
  },
} as const;

type Sections = typeof sections;
type Merged<T> = (T extends unknown ? (value: T) => void : never) extends (value: infer M) => void ? M : never;
type Settings = Merged<Sections[keyof Sections]>;
export type SettingName = keyof Settings;
export type Values = { [K in SettingName]: z.output<Settings[K]['read']> };

export const settings = Object.assign({}, ...Object.values(sections)) as Settings;
