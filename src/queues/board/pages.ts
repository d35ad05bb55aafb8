import { createHash } from 'node:crypto';

export const ADMIN = '/admin';
export const BOARD = `${ADMIN}/queues`;
export const LOGIN = `${BOARD}/login`;
export const LOGOUT = `${BOARD}/logout`;

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center;background:#f4f5f7;color:#1c2430}
main{background:#fff;border:1px solid #d5d9e0;border-radius:8px;padding:32px;width:min(320px,80vw)}h1{font-size:20px;margin:0 0 16px}
label{display:block;margin:12px 0 4px;font-size:14px}input{box-sizing:border-box;width:100%;padding:8px;font:inherit;border:1px solid #8b95a5;border-radius:4px}
button{margin-top:20px;width:100%;padding:10px;font:inherit;color:#fff;background:#1f5fbf;border:0;border-radius:4px;cursor:pointer}
p{margin:0 0 12px}.no{color:#a3122a}a{color:#1f5fbf}`;

/** No script, nothing from elsewhere, and forms that lead back here. */
export const PAGE_CSP = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;

/** Everything the page needs comes from here; its styles are partly written into it. */
export const BOARD_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'self'; frame-ancestors 'none'";

/** The fonts that the page would have from elsewhere. */
const FOREIGN = /<link[^>]*\bhref="https?:[^>]*>\s*/g;
export const withoutForeign = (page: string) => page.replaceAll(FOREIGN, '');

// Without a word on whom to tell where they come from, forms would not tell it to us either.
const page = (body: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="same-origin">
<meta name="robots" content="noindex">
<title>Mutirão: queues</title>
<style>${STYLE}</style>
</head>
<body><main>
<h1>Mutirão: queues</h1>
${body}
</main></body>
</html>
`;

/** What is said is ours, never what somebody wrote. */
export const loginPage = (says?: string) =>
  page(`${says === undefined ? '' : `<p class="no" role="alert">${says}</p>\n`}<form method="post" action="${LOGIN}">
<label for="email">E-mail</label><input id="email" name="email" type="email" autocomplete="username" required autofocus>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<label for="otp">One-time code, if you use one</label><input id="otp" name="otp" inputmode="numeric" autocomplete="one-time-code">
<button>Sign in</button>
</form>`);

export const signedInPage = page(`<p>You are signed in.</p>
<p><a href="${BOARD}">Look at the tickets in Bull</a></p>
<form method="post" action="${LOGOUT}"><button>Sign out</button></form>`);
