/** Where a process of its own begins. Sources that a test loads as they are have their compiled programs in `.build`. */
export const programAt = (path: string): URL =>
  new URL(path, import.meta.url.replace(/\/src\/analytics\/programs\.ts$/, '/.build/src/analytics/'));
