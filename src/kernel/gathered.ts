/**
 * What comes within a moment, or within one turn of the loop where that is of 0 ms, is done together: one answer for each, in the
 * order in which they were asked.
 */
export function gathered<T, R>(ms: number, work: (items: readonly T[]) => Promise<readonly R[]>, most = Infinity): (item: T) => Promise<R> {
  let waiting: { item: T; resolve: (answer: R) => void; reject: (fault: unknown) => void }[] = [];
  const flush = async () => {
    const all = waiting;
    waiting = [];
    if (all.length === 0) return;
    try {
      const answers = await work(all.map(({ item }) => item));
      all.forEach(({ resolve }, at) => resolve(answers[at]!));
    } catch (fault) {
      for (const { reject } of all) reject(fault);
    }
  };
  return (item) =>
    new Promise((resolve, reject) => {
      const many = waiting.push({ item, resolve, reject });
      if (many === most) void flush();
      else if (many === 1 && ms === 0) setImmediate(() => void flush());
      else if (many === 1) setTimeout(() => void flush(), ms);
    });
}
