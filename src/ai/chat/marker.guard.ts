const LETTER = /[a-z\d]/gi;

/** Keeps a text that comes in pieces from saying the marker, whatever stands between its letters. */
export class MarkerGuard {
  isBroken = false;
  private held = '';

  constructor(private readonly marker: string) {}

  /** What of it may go on: nothing where it completes the marker, and not yet what may be the marker's beginning. */
  pass(piece: string): string {
    const text = this.held + piece;
    const places = Array.from(text.matchAll(LETTER), ({ index }) => index);
    const letters = places
      .map((at) => text[at])
      .join('')
      .toLowerCase();
    if (letters.includes(this.marker)) {
      this.isBroken = true;
      return '';
    }
    let begun = Math.min(letters.length, this.marker.length - 1);
    while (begun > 0 && !letters.endsWith(this.marker.slice(0, begun))) begun -= 1;
    const from = begun > 0 ? places[places.length - begun] : undefined;
    this.held = from === undefined ? '' : text.slice(from);
    return from === undefined ? text : text.slice(0, from);
  }

  /** What was held back and turned out to be no marker. */
  rest(): string {
    return this.held;
  }
}
