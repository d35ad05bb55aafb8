import { readFileSync, watch, writeFileSync } from 'node:fs';

/**
 * Loaded before a process of the system (`--import`): puts its time of day forward or back by the milliseconds that stand in a file, as
 * somebody does who sets the clock of its machine. What only counts how long something takes goes on as before. While nothing is
 * put anywhere, `Date` is that of Node itself.
 */
const file = process.env.CLOCK_FILE;
const Real = Date;
const realNow = Date.now.bind(Date);
let aheadMs = 0;
const now = () => realNow() + aheadMs;

const Shifted = new Proxy(Real, {
  construct: (target, args, as) => Reflect.construct(target, args.length === 0 ? [now()] : args, as) as Date,
  apply: () => new Real(now()).toString(),
});

function put(ms: number): void {
  aheadMs = ms;
  globalThis.Date = ms === 0 ? Real : Shifted;
  // Whoever holds on to the one that there was goes by the same clock.
  Real.now = ms === 0 ? realNow : now;
}

if (file !== undefined) {
  const read = () => {
    const told = readFileSync(file, 'utf8');
    // A file that is just being written is empty for a moment.
    if (told === '' || Number(told) === aheadMs) return;
    put(Number(told));
    writeFileSync(`${file}.${process.pid}`, told);
  };
  read();
  watch(file, { persistent: false }, read);
}
