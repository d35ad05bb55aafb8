/** What comes within a moment is done together: one answer for each, in the order in which they were asked. */
export function gathered<T, R>(ms: number, work: (items: readonly T[]) => Promise<readonly R[]>): (item: T) => Promise<R> {
  let waiting: { item: T; resolve: (answer: R) => void; reject: (fault: unknown) => void }[] = [];
  const flush = async () => {
    const all = waiting;
    waiting = [];
    try {
      const answers = await work(all.map(({ item }) => item));
      all.forEach(({ resolve }, at) => resolve(answers[at]!));
    } catch (fault) {
      for (const { reject } of all) reject(fault);
    }
  };
  return (item) =>
    new Promise((resolve, reject) => {
      if (waiting.push({ item, resolve, reject }) === 1) setTimeout(() => void flush(), ms);
    });
}
