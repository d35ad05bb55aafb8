/** A question with its body as JSON, if it has one, and whoever asks, as `fetch` takes it. */
export const requestOf = (method: string, body?: unknown, token?: string, headers: Record<string, string> = {}): RequestInit => ({
  method,
  headers: {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...headers,
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});
