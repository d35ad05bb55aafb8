import { Agent, request } from 'node:http';

export interface Crowd {
  answered: number;
  /** Anything but an answer of 200, or a door that is closed before a connection was accepted. */
  failures: string[];
  /** Resolves when every client found the door closed, or `enough()` said so. */
  over: Promise<void>;
  enough(): void;
}

/** Clients that each ask again as soon as they are answered, on kept connections, as browsers and proxies do, or on a new one each time. */
export function crowd(url: string, clients: number, keepAlive = true): Crowd {
  let enough = false;
  const agent = new Agent({ keepAlive, maxSockets: clients });
  const result = { answered: 0, failures: [] as string[] };
  const ask = () =>
    new Promise<boolean>((resolve) => {
      const asking = request(url, { agent }, (answer) => {
        answer.resume();
        answer.on('end', () => {
          if (answer.statusCode === 200) result.answered += 1;
          else result.failures.push(`status ${answer.statusCode}`);
          resolve(true);
        });
        answer.on('error', (error) => {
          result.failures.push(`while reading: ${error.message}`);
          resolve(true);
        });
      });
      asking.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') return resolve(false);
        result.failures.push(`${error.code}: ${error.message}${asking.reusedSocket ? ' on a kept connection' : ''}`);
        resolve(true);
      });
      asking.end();
    });
  const client = async () => {
    while (!enough && (await ask()));
  };
  const over = Promise.all(Array.from({ length: clients }, client)).then(() => agent.destroy());
  return Object.assign(result, { over, enough: () => void (enough = true) });
}
