import { createHash } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import type { ServedBlob } from '../ocp/blob.ts';
import { SAFE_HEADERS } from './file-answer.ts';

/** The page before a download: its button counts, so that programs which follow the links of mail do not. No script, nothing from elsewhere. */
const STYLE =
  'body{font:1rem/1.5 sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#222;background:#fff}' +
  'h1{font-size:1.3rem;overflow-wrap:anywhere}button,input{font:inherit;padding:.4rem .8rem}[role=alert]{color:#a00}';

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

export const PAGE_HEADERS: OutgoingHttpHeaders = {
  ...SAFE_HEADERS,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
};

/** `fault` is what was wrong with what was sent before. */
export function filePage(blob: ServedBlob, fault = ''): string {
  const { name, size, expiresAt, downloads, access } = blob;
  const until = new Date(expiresAt).toUTCString();
  const left =
    downloads === undefined
      ? ''
      : `<p>It can be downloaded ${downloads} more time${downloads === 1 ? '' : 's'}.</p>\n`;
  const password =
    access.password === undefined
      ? ''
      : '<p><label>Password <input type="password" name="password" autocomplete="off" required autofocus></label></p>\n';
  return page(
    escaped(name),
    `<p>${readable(size)}, until <time datetime="${new Date(expiresAt).toISOString()}">${until}</time></p>
${left}${fault === '' ? '' : `<p role="alert">${escaped(fault)}</p>\n`}<form method="post">
${password}<button type="submit">Download</button>
</form>`,
  );
}

/** For people whose link leads nowhere. */
export const messagePage = (text: string): string => page(escaped(text), '');

const page = (title: string, body: string): string => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
${body}
</body>
</html>
`;

const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function readable(size: number): string {
  if (size < 1024) return `${size} octets`;
  const [value, unit] = size < 1024 * 1024 ? [size / 1024, 'KiB'] : [size / 1024 / 1024, 'MiB'];
  return `${value.toFixed(1)} ${unit}`;
}
