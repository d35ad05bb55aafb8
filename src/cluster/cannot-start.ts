/** What a person can mend, said in a sentence; no stack is shown for it. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
  constructor(
    message: string,
    readonly code = 1,
  ) {
    super(message);
  }
}
