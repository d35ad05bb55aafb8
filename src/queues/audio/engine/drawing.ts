const WIDTH = 600;
const HEIGHT = 100;
const MOST_BARS = 300;
const BAR_PART = 0.7;

/** Peaks as bars, in the colour of the text around them. */
export function waveform(peaks: readonly number[], seconds: number): string {
  const bars = Math.max(1, Math.min(MOST_BARS, peaks.length));
  const step = WIDTH / bars;
  const drawn = Array.from({ length: bars }, (_, bar) => {
    const part = peaks.slice(Math.floor((bar * peaks.length) / bars), Math.max(1, Math.floor(((bar + 1) * peaks.length) / bars)));
    const height = Math.max(
      1,
      Math.min(
        1,
        part.reduce((most, peak) => Math.max(most, peak), 0),
      ) * HEIGHT,
    );
    return `M${number(bar * step + step / 2)} ${number((HEIGHT - height) / 2)}v${number(height)}`;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img">` +
    `<title>${number(seconds)} s</title>` +
    `<path d="${drawn.join('')}" fill="none" stroke="currentColor" stroke-width="${number(step * BAR_PART)}"/></svg>\n`
  );
}

const number = (value: number): string => String(Number(value.toFixed(2)));
