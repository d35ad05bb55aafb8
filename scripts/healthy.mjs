// For health checks of containers: ends with 0 where this instance should get traffic.
const { PORT = '3000' } = process.env;
try {
  const answer = await fetch(`http://127.0.0.1:${PORT}/health/ready`, { signal: AbortSignal.timeout(4_000) });
  process.exitCode = answer.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
