import { createHash } from 'node:crypto';
import type { Reply } from './contact-reply.ts';
import css from './page/page.css?raw';
import html from './page/page.html?raw';
import script from './page/page.js?raw';

/** `GET /`: the sandbox's phones as chats. It loads nothing, and runs no script but its own. */
export function page(): Reply {
  const body = html.replace('/* page.css */', () => css).replace('/* page.js */', () => script);
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(css)}'`,
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  const headers = {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  };
  return { status: 200, type: 'text/html', body, headers };
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
