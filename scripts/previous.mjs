// This version has migrated the database and runs; the one before it still runs on the same. Both are used in turn.
//   npm run drill:previous -- [COMMIT]      by default the one before the newest migration
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 }).trim();
const say = (text) => process.stdout.write(`${text}\n`);
const password = 'uma frase bem longa e minha';
const admin = { email: 'admin@example.org', password };
const running = [];

const commit =
  process.argv[2] ?? git('rev-parse', `${git('log', '-1', '--diff-filter=A', '--format=%H', '--', 'src/database/migrations')}^`);
const work = mkdtempSync(join(tmpdir(), 'mutirao-previous-'));
let failed = false;
try {
  await drill();
} catch (fault) {
  failed = true;
  say(`failed: ${fault.stack}`);
} finally {
  // The younger one has the engines.
  for (const child of running.reverse()) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  rmSync(work, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

async function drill() {
  const before = join(work, 'before');
  execFileSync('sh', ['-c', `mkdir "${before}" && git archive ${commit} | tar -x -C "${before}"`], { cwd: root });
  symlinkSync(join(root, 'node_modules'), join(before, 'node_modules'));
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { cwd: before, stdio: 'inherit' });
  const data = join(work, 'data');
  const common = {
    PAYMENT_PROVIDER: 'sandbox',
    SANDBOX_WEBHOOK_SECRET: 'a secret',
    ADMIN_EMAIL: admin.email,
    ADMIN_PASSWORD: password,
    RATE_LIMIT_AUTH_PER_MINUTE: '0',
  };
  const now = await start(root, { ...common, DATA_DIR: data });
  const socket = join(data, 'run');
  const then = await start(before, {
    ...common,
    DATA_DIR: join(work, 'other'),
    DATABASE_URL: `postgres://postgres@localhost/mutirao?host=${encodeURIComponent(socket)}&port=5432`,
    REDIS_URL: `unix://${join(socket, 'queue.sock')}`,
    CACHE_REDIS_URL: `unix://${join(socket, 'cache.sock')}`,
    SECRET_KEY: readFileSync(join(data, 'secret-key'), 'utf8').trim(),
    ENVIRONMENT: 'test',
  });
  say(`this version at ${now}, ${commit.slice(0, 7)} at ${then}, on one database`);
  for (const [one, other] of [
    [then, now],
    [now, then],
  ])
    await use(one, other);
  say('both versions served, and agree');
}

async function use(one, other) {
  const email = `p${Date.now()}${Math.random().toString(36).slice(2)}@example.org`;
  const { refreshToken } = await ask(one, 'POST', '/auth/register', 201, { email, password, name: 'Ana' });
  const { accessToken } = await ask(other, 'POST', '/auth/refresh', 200, { refreshToken });
  await ask(one, 'PATCH', '/users/me', 200, { name: 'Outra' }, accessToken);
  const me = await until(
    () => ask(other, 'GET', '/users/me', 200, undefined, accessToken),
    ({ name }) => name === 'Outra',
  );
  const { accessToken: rules } = await ask(one, 'POST', '/auth/login', 200, admin);
  const words = { title: 'Um telhado novo', summary: 'A chuva entra.', description: '<p>Sessenta crianças.</p>', goalCents: 500_000 };
  const { id } = await ask(one, 'POST', '/campaigns', 201, words, rules);
  await ask(other, 'POST', `/campaigns/${id}/publish`, 200, undefined, rules);
  for (const at of [one, other])
    await ask(at, 'POST', `/campaigns/${id}/donations`, 201, { amountCents: 5_000, method: 'pix' }, accessToken);
  for (const at of [one, other])
    await until(
      () => ask(at, 'GET', `/campaigns/${id}`, 200),
      ({ raisedCents }) => raisedCents === 10_000,
    );
  await ask(one, 'POST', '/ai/chat', 200, { message: 'Olá' }, accessToken);
  await ask(other, 'POST', '/queues/whatsapp/messages', 202, { to: '+5511987654321', text: 'Olá' }, rules);
  await ask(one, 'GET', '/users/me/export', 200, undefined, accessToken);
  say(`${me.user?.email ?? email}: signed in, gave twice, asked and was written to, by turns`);
}

async function start(folder, env) {
  const child = spawn(process.execPath, [join(folder, 'dist/src/cluster.js')], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', RATE_LIMIT_IP_PER_MINUTE: '0', LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${folder} ended with ${code}`)));
    createInterface(child.stdout).on('line', (line) => {
      const { msg, url, level } = JSON.parse(line);
      if (level === 'error' || level === 'fatal') say(line);
      if (msg === 'ready') resolve(url);
    });
  });
}

async function ask(at, method, path, expected, body, token) {
  const headers = {
    ...(body && { 'content-type': 'application/json' }),
    ...(token && { authorization: `Bearer ${token}` }),
    'idempotency-key': `${Date.now()}${Math.random()}`,
  };
  const answer = await fetch(`${at}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (answer.status !== expected) throw new Error(`${method} ${path} at ${at}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

async function until(look, fits) {
  const end = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (fits(found)) return found;
    if (Date.now() > end) throw new Error(`not so within 20 s: ${JSON.stringify(found)}`);
    await new Promise((next) => setTimeout(next, 100));
  }
}
