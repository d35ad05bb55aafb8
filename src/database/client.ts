import pg from 'pg';

type Query = (...words: unknown[]) => unknown;

/**
 * A connection that stood still, or on which the server said its last word, is closed at once: given back
 * to the pool it would make everyone after wait for the same silence, or fail for the same reason.
 */
export class ImpatientClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    // The server may end a connection in the instant between two owners who listen; that ends no process.
    this.on('error', () => undefined);
    const ask = this.query.bind(this) as Query;
    this.query = ((...words: unknown[]) => {
      const answer = ask(...words);
      if (answer instanceof Promise) {
        answer.catch((fault: unknown) => {
          if (isLast(fault)) void this.end();
        });
      }
      return answer;
    }) as typeof this.query;
  }
}

const isLast = (fault: unknown) =>
  fault instanceof pg.DatabaseError
    ? fault.severity === 'FATAL' || fault.severity === 'PANIC'
    : fault instanceof Error && fault.message === 'Query read timeout';
