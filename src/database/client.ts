import pg from 'pg';

type Query = (...words: unknown[]) => unknown;

/**
 * A connection that stood still, or on which the server said its last word, is closed at once: given back
 * to the pool it would make everyone after wait for the same silence, or fail for the same reason.
 */
export class ImpatientClient extends pg.Client {
  private ending = false;

  constructor(config?: pg.ClientConfig) {
    super(config);
    // The server may end a connection in the instant between two owners who listen; that ends no process.
    this.on('error', () => undefined);
    const ask = this.query.bind(this) as Query;
    this.query = ((...words: unknown[]) => {
      if (this.ending) return Promise.reject(new Error('the transaction is over'));
      const answer = ask(...words);
      if (answer instanceof Promise) {
        answer.catch((fault: unknown) => {
          if (isLast(fault)) void this.end();
        });
      }
      return answer;
    }) as typeof this.query;
  }

  /**
   * Says at once what ends a transaction, in one piece. Nobody else is heard until that is answered:
   * a statement still on its way here would be committed alone.
   */
  async endTransaction<T>(say: () => Promise<T>): Promise<T> {
    const { stream } = this.connection;
    stream.cork();
    const said = say();
    stream.uncork();
    this.ending = true;
    try {
      return await said;
    } finally {
      this.ending = false;
    }
  }
}

const isLast = (fault: unknown) =>
  fault instanceof pg.DatabaseError
    ? fault.severity === 'FATAL' || fault.severity === 'PANIC'
    : fault instanceof Error && fault.message === 'Query read timeout';
