interface Line {
  running: number;
  waiting: Set<() => void>;
}

interface Patience {
  ms: number;
  refusal: () => Error;
}

const newLine = (): Line => ({ running: 0, waiting: new Set() });

/** At most `most` pieces of work at once; the rest waits in order. */
export function limitTo(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const line = newLine();
  return (work) => inTurn(line, most, work);
}

/** The same for each key apart. Whoever has waited for so long is refused, and his work never begins. */
export function limitEach(most: number, patience: Patience): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const lines = new Map<string, Line>();
  return async (key, work) => {
    const line = lines.get(key) ?? newLine();
    lines.set(key, line);
    try {
      return await inTurn(line, most, work, patience);
    } finally {
      if (line.running === 0) lines.delete(key);
    }
  };
}

async function inTurn<T>(line: Line, most: number, work: () => Promise<T>, patience?: Patience): Promise<T> {
  if (line.running < most) line.running += 1;
  else await turnIn(line, patience);
  try {
    return await work();
  } finally {
    const [next] = line.waiting;
    if (next) next();
    else line.running -= 1;
  }
}

/** Given by whoever ends his work. */
const turnIn = (line: Line, patience?: Patience): Promise<void> =>
  new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(timer);
      line.waiting.delete(turn);
    };
    const turn = () => {
      leave();
      resolve();
    };
    const giveUp = ({ refusal }: Patience) => {
      leave();
      reject(refusal());
    };
    const timer = patience && setTimeout(giveUp, patience.ms, patience);
    line.waiting.add(turn);
  });
