import { signalTree } from '../../support/freeze.js';
import { eventually } from '../../support/lab.js';
import { oneOf } from './broken-links.js';
import { done, everything, fault, healing, reading, type Ground } from './fault.js';

function signal(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined || pid === 0) throw new Error('there is no such process');
  process.kill(pid, name);
}

const anInstance = ({ site, draw }: Ground) => oneOf(site.instances, draw);

const whole = (instance: Ground['site']['instances'][number]) =>
  eventually(
    () => instance.isWhole(),
    (is) => is,
  );

/** It stands still until the supervisor has had enough of it. */
async function untilReplaced(instance: Ground['site']['instances'][number], pid: number, part: 'requests' | 'background') {
  await eventually(
    () => Promise.resolve(instance.pids(part)),
    (pids) => !pids.includes(pid),
  );
  await whole(instance);
}

export const processFaults = [
  fault({
    name: 'a request process is killed',
    promise: 'who reads notices nothing; another process takes its place',
    ...{ seconds: 0, spares: reading, backSeconds: 5, near: true, mixes: true },
    async inject(ground) {
      const instance = anInstance(ground);
      signal(instance.pids('requests')[0], 'SIGKILL');
      return () => whole(instance);
    },
  }),
  fault({
    name: 'a supervisor is killed, and its instance with it',
    promise: 'who reads notices nothing; the other instance goes on alone until systemd has started it again',
    ...{ seconds: 0, spares: reading, backSeconds: 5, mixes: true, endsSenders: true },
    async inject(ground) {
      const instance = anInstance(ground);
      const before = instance.supervisor();
      signal(before, 'SIGKILL');
      return async () => {
        await eventually(
          () => Promise.resolve(instance.supervisor()),
          (pid) => pid !== before,
        );
        await whole(instance);
      };
    },
  }),
  fault({
    name: 'a background process is killed',
    promise: 'nobody who asks anything notices; what it had begun is done once, or told as unknown',
    ...{ seconds: 0, spares: everything, backSeconds: 1, mixes: true, endsSenders: true },
    async inject(ground) {
      const instance = anInstance(ground);
      signal(instance.pids('background')[0], 'SIGKILL');
      return () => whole(instance);
    },
  }),
  fault({
    name: 'a request process stands still (SIGSTOP)',
    promise:
      'it is ended after 10 s and replaced; until then those wait whose connection it has: who reads is answered then, and nothing is done twice',
    ...{ seconds: 0, spares: reading, p95Ms: 10_500, backSeconds: 15, mostMs: 15_000, mixes: true },
    async inject(ground) {
      const instance = anInstance(ground);
      const [pid = 0] = instance.pids('requests');
      signal(pid, 'SIGSTOP');
      return () => untilReplaced(instance, pid, 'requests');
    },
  }),
  fault({
    name: 'a supervisor stands still for 8 s',
    promise: 'nobody notices: its processes take their connections themselves',
    ...{ seconds: 8, spares: everything, backSeconds: 1, mixes: true },
    async inject(ground) {
      const pid = anInstance(ground).supervisor();
      signal(pid, 'SIGSTOP');
      return healing(() => signal(pid, 'SIGCONT'));
    },
  }),
  fault({
    name: 'a background process stands still (SIGSTOP)',
    promise: 'nobody who asks anything notices; it is ended after 10 s and replaced',
    ...{ seconds: 0, spares: everything, backSeconds: 1, mixes: true, endsSenders: true },
    async inject(ground) {
      const instance = anInstance(ground);
      const [pid = 0] = instance.pids('background');
      signal(pid, 'SIGSTOP');
      return () => untilReplaced(instance, pid, 'background');
    },
  }),
  fault({
    name: 'all processes of PostgreSQL stand still for 14 s',
    promise: 'everyone is refused in time, with when to come again; all goes on when it moves',
    ...{ seconds: 14, spares: ['live'], backSeconds: 10, mostMs: 15_000, mixes: true },
    async inject({ site }) {
      const pid = site.engines.postgresPid ?? 0;
      signalTree(pid, 'SIGSTOP');
      return healing(() => signalTree(pid, 'SIGCONT'));
    },
  }),
  fault({
    name: 'both servers of Redis stand still for 8 s',
    promise: 'nobody notices: Redis holds nothing that anybody waits for',
    ...{ seconds: 8, spares: everything, backSeconds: 1, mixes: true },
    async inject({ site: { engines } }) {
      const pids = [engines.redisPid, engines.cacheRedisPid];
      for (const pid of pids) signal(pid, 'SIGSTOP');
      return healing(() => {
        for (const pid of pids) signal(pid, 'SIGCONT');
      });
    },
  }),
  fault({
    name: 'both servers of Redis are killed',
    promise: 'nobody notices, until they are back or not',
    ...{ seconds: 0, spares: everything, backSeconds: 1, mixes: true },
    async inject({ site: { engines } }) {
      for (const pid of [engines.redisPid, engines.cacheRedisPid]) signal(pid, 'SIGKILL');
      return done;
    },
  }),
];
