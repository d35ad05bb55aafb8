import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request as inTheOpen } from 'node:http';
import { request as inTls } from 'node:https';
import { join } from 'node:path';
import { aCertificate } from './certificate.js';
import { aPort, openFolder, runTool } from './tools.js';

interface Place {
  /** Where nginx is. */
  program: string;
  /** Another file in the place of upstreams.conf, and where its servers are. */
  upstreams?: { file: string; servers: Readonly<Record<string, number>> };
  /** Ports of this machine, for the servers of upstreams.conf in their order. */
  api?: readonly [number, number, number];
  ai?: number;
  /** What stands in trusted.conf. */
  trusted?: string;
  /** Without it, as behind another that ends TLS. */
  tls?: boolean;
}

export interface Told {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
}

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** The address of this machine that asks; all of 127.0.0.0/8 are. */
  from?: string;
}

/** The very files of docker/nginx, run by a real nginx; only ports, certificate and servers are those of this place. */
export async function startNginx({ program, upstreams, api = [0, 0, 0], ai = 0, trusted = '', tls = true }: Place) {
  const folder = openFolder('nginx');
  // Its workers are another user where this one is root.
  chmodSync(folder, 0o755);
  cpSync('docker/nginx', join(folder, 'conf'), { recursive: true });
  mkdirSync(join(folder, 'unused'));
  const { cert, key } = aCertificate('edge');
  writeFileSync(join(folder, 'cert.pem'), cert);
  writeFileSync(join(folder, 'key.pem'), key);
  const [port, plain] = [await aPort(), await aPort()];
  const replace = (name: string, change: (text: string) => string) => {
    const file = join(folder, 'conf', name);
    writeFileSync(file, change(readFileSync(file, 'utf8')));
  };
  replace('listen.conf', (text) =>
    text
      .replace(
        /^listen .*\n(?:listen .*\n)?/m,
        `listen 127.0.0.1:${port} ssl http2 backlog=4096;\nlisten [::1]:${port} ssl http2 backlog=4096;\n`,
      )
      .replace('/run/secrets/tls_certificate', join(folder, 'cert.pem'))
      .replace('/run/secrets/tls_key', join(folder, 'key.pem'))
      .replace('/dev/stdout', 'access.log'),
  );
  replace('listen-plain.conf', (text) => text.replace(/^listen .*\n(?:listen .*\n)?/m, `listen 127.0.0.1:${plain} backlog=4096;\n`));
  const usual = { 'api1:3000': api[0], 'api2:3000': api[1], 'api3:3000': api[2], 'ai:3000': ai };
  const named = readFileSync(upstreams?.file ?? 'docker/nginx/upstreams.conf', 'utf8');
  const place = (servers: Readonly<Record<string, number>>) =>
    replace('upstreams.conf', () =>
      Object.entries(servers).reduce((now, [name, at]) => now.replaceAll(`server ${name} `, `server 127.0.0.1:${at} `), named),
    );
  place(upstreams?.servers ?? usual);
  if (trusted) replace('trusted.conf', () => trusted);

  if (!tls) replace('listen.conf', () => `listen 127.0.0.1:${port} backlog=4096;\naccess_log off;\n`);
  const request = tls ? inTls : inTheOpen;

  const ask = (path: string, { method = 'GET', headers = {}, body, from = '127.0.0.1' }: Asked = {}): Promise<Told> =>
    new Promise((resolve, reject) => {
      const asked = request(
        {
          host: '127.0.0.1',
          port,
          path,
          method,
          headers: { host: 'edge.test', ...headers },
          ca: cert,
          checkServerIdentity: () => undefined,
          localAddress: from,
          agent: false,
        },
        (answer) => {
          const pieces: Buffer[] = [];
          answer.on('data', (piece: Buffer) => pieces.push(piece));
          answer.on('end', () =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(pieces).toString('utf8') }),
          );
          answer.on('error', reject);
        },
      );
      asked.on('error', reject);
      if (body !== undefined) asked.setHeader('content-length', Buffer.byteLength(body));
      asked.end(body);
    });
  const answers = () =>
    ask('/.known-to-nobody', { method: 'GET' }).then(
      () => true,
      () => false,
    );
  const args = ['-p', `${folder}/`, '-c', join(folder, 'conf', 'nginx.conf'), '-g', 'daemon off;'];
  const running = await runTool(program, args, folder, answers);
  return {
    ...running,
    port,
    plain,
    cert,
    ask,
    /** Its servers are there from now on; whoever is being answered still is, by those that there were. */
    lead: (servers: Readonly<Record<string, number>>) => {
      place(servers);
      running.signal('SIGHUP');
    },
    accesses: () => readFileSync(join(folder, 'access.log'), 'utf8'),
  };
}
