interface Held {
  fault: string;
  promise: string;
  spec: string;
  /** Of the test in it: words of its name. */
  test: string;
}

const held = (fault: string, promise: string, spec: string, test: string): Held => ({ fault, promise, spec: `test/${spec}.spec.ts`, test });

/** Faults that have a test of their own, with what it holds. */
export const elsewhere: readonly Held[] = [
  held(
    'a process dies between its commit and its answer',
    'the same words find the gift, and change nothing',
    'faults/donations',
    'the same words find them',
  ),
  held(
    'a process dies while its bank is asked',
    'one gift with one charge, taken over within five seconds',
    'faults/pix',
    'leaves one gift, with one charge',
  ),
  held(
    'processes are killed again and again while people give',
    'nothing lost, nothing doubled',
    'faults/donations',
    'again and again while people give',
  ),
  held(
    'PostgreSQL is killed in the middle of background work',
    'what was committed is there, the rest is done again',
    'faults/outbox-postgres',
    'costs no effect and doubles none',
  ),
  held(
    'workers are killed in the middle of their jobs',
    'each effect exactly once',
    'faults/outbox',
    'when workers are killed again and again',
  ),
  held('one job ends its process every time', 'it is a dead letter after ten of them', 'races/outbox', 'not a loop for ever'),
  held(
    'workers are killed while WhatsApp has their messages',
    'none twice, none lost',
    'faults/whatsapp',
    'send none twice, and lose none',
  ),
  held('WhatsApp answers in every bad way', 'each message once, and each has an end', 'faults/whatsapp', 'in every bad mood'),
  held(
    'a worker stands still longer than it may hold a message',
    'it sends nothing that others have sent',
    'faults/whatsapp',
    'stands still longer than it may hold',
  ),
  held('the bank lies, floods, is silent or cuts off', 'nothing is believed that cannot be right', 'api/pix-hostile', 'bank'),
  held(
    'the AI lies, floods, is silent or breaks off',
    'a fault in words, and no more charged than was kept back',
    'api/ai-provider-hostile',
    'provider',
  ),
  held(
    'a process dies with fifty streams of the AI open',
    'no token stays reserved, and each is charged with what was last known',
    'faults/ai',
    'fifty streams open',
  ),
  held('two hundred calls of the AI at once over two processes', 'just as many pass as fit', 'races/ai-budget', 'two hundred at once'),
  held(
    'midnight comes while calls of the AI are under way',
    'each is charged to the day on which it began, and the new day is whole',
    'races/ai-budget',
    'charges calls that are under way at midnight',
  ),
  held(
    'midnight, and clocks that are put forward or back',
    'a day of the budget ends when another date begins there, and not before',
    'races/ai-budget',
    'when another date begins there',
  ),
  held('the clock jumps', 'ids still come in their order', 'api/ids', 'whatever the clock does'),
  held('50,000 messages wait', 'how many and since when is told, and whether they move', 'api/queues', 'is up while a long line moves'),
  held(
    'the disk is full for recordings',
    'nothing is taken, nothing is left, and it is said when to come again',
    'faults/audio',
    'where a disk is full',
  ),
  held('the disk is full for PostgreSQL', 'nothing of a transaction is stored, and it is told as such', 'api/database', 'the disk is full'),
  held(
    'recordings fell their decoder',
    'they are put aside after two tries, and others hardly notice',
    'faults/audio',
    'recordings that fell a decoder',
  ),
  held(
    'an export is killed in the middle',
    'what was there stays, and the next process does it',
    'faults/analytics',
    'is done by the next process',
  ),
  held(
    'Redis freezes, is wiped, is slow or full',
    'no reader sees anything older than two seconds',
    'faults/cache',
    'nothing older than two seconds',
  ),
  held(
    'a process is killed between its commit and its drop',
    'nothing old stays in the cache',
    'faults/cache',
    'between its commit and its drop',
  ),
  held('Redis freezes within the minute of a limit', 'the limit holds', 'faults/limits', 'over the minute in which Redis froze'),
  held('a read replica dies, freezes or is behind', 'no read fails, and none is older than it may be', 'api/replicas', 'fails no read'),
  held('PgBouncer stands still, or its server is killed', 'all is refused in time', 'pooled/pooler-away', 'all is refused in time'),
  held('a migration is killed half-way', 'the next start completes it', 'races/migrations', 'after one was killed half-way'),
  held(
    'a request process holds too much memory',
    'it is replaced before the kernel ends one',
    'faults/cluster',
    'is replaced before the kernel ends one',
  ),
  held(
    'a kept connection is used at the moment at which its process stops',
    'each request is answered or finds the door closed',
    'faults/stop',
    'fails no request',
  ),
  held('a connection was just taken by a process that dies', 'it ends with it, answered or not', 'faults/entrances', 'ends with it'),
  held(
    'a release is rolled back',
    'one instance after the other, while people are served',
    'faults/two-instances',
    'while people are served',
  ),
  held(
    'a supervisor is killed while processes of it stand still, and nothing but `npm start` looks after it',
    'they answer nobody, and are ended by the next start, or by themselves as soon as they move: whoever waits for them is cut off then',
    'faults/supervisor-kills',
    'that answers nobody, and the next start ends it',
  ),
  held(
    'a process stands still before it is ready',
    'it is ended after 120 s and replaced; one that waits for its database is not',
    'faults/supervisor-starts',
    'stands still before it is ready',
  ),
  held(
    'the private engines are killed, and what they left lies about',
    'everything comes back under one address',
    'faults/supervisor-kills',
    'comes back under one address',
  ),
  held(
    'a person who gives races with his own going, with refunds and with the end of the campaign',
    'one order of them, and books that agree',
    'races/donations',
    'with the end of its campaign',
  ),
];
