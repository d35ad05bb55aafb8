const known = ['--no-demo', '--watch'];
const unknown = process.argv.slice(2).filter((flag) => !known.includes(flag));
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Node.js 20.19 or later is needed; this is ${process.versions.node}.\n`);
  process.exit(1);
}
if (unknown.length > 0) {
  process.stderr.write(`Unknown option ${unknown[0]}: expected ${known.join(' or ')}, or nothing.\n`);
  process.exit(64);
}
const { buildWhenNeeded } = await import('./build-when-needed.mjs');
const parent = process.ppid;
await buildWhenNeeded();
// Whoever asked for this is gone: npm was killed while it was built.
if (process.ppid !== parent) process.exit(0);
await import('../dist/src/cluster.js');
