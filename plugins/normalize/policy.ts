import { Check, Json, settings } from '../../sdk/assemblyscript';

/** What is done about what a rule finds. */
export const OFF: string = 'off';
export const REWRITE: string = 'rewrite';
export const REJECT: string = 'reject';

/** Rules that can mend what they find. */
export const MENDING: string[] = [
  'heloName',
  'domainForm',
  'boundaries',
  'mimeVersion',
  'contentType',
  'transferEncoding',
  'fileNames',
  'uuencode',
  'charset',
  'utf8',
  'longLines',
  'headerOctets',
];

/** Rules about what can't be mended: nobody knows which mailbox was meant. */
export const REFUSING: string[] = ['routedLocalPart', 'longLocalPart', 'quotedLocalPart'];

export const SIGNATURES: string[] = ['smime', 'pgp', 'dkim'];
export const FALLBACKS: string[] = ['windows-1252', 'iso-8859-1', 'iso-8859-15', 'koi8-r'];

/** Rules that are not in use unless the operator wants them. */
const OPTIONAL: string[] = ['longLocalPart', 'quotedLocalPart', 'utf8'];

/** `off`, `rewrite` or `reject`. */
export function actionOf(rule: string): string {
  const fallback = OPTIONAL.includes(rule) ? OFF : REFUSING.includes(rule) ? REJECT : REWRITE;
  return settings().get(rule).text(fallback);
}

/** Whether what a signature of that kind covers is left as it is. */
export function leavesSigned(kind: string): bool {
  const kinds: Json = settings().get('leaveSigned');
  return kinds.isMissing || kinds.texts().includes(kind);
}

/** The charset of octets that nobody labelled and that are not UTF-8. */
export function fallbackCharset(): string {
  return settings().get('fallbackCharset').text(FALLBACKS[0]);
}

/** What a rule in `rewrite` can't mend is refused. */
export function refusesUnmendable(): bool {
  return settings().get('unmendable').text() == 'reject';
}

/** '' if the settings are good. */
export function problemWithSettings(): string {
  const check = Check.settings(
    MENDING.concat(REFUSING).concat(['leaveSigned', 'fallbackCharset', 'unmendable']),
  );
  for (let i = 0; i < MENDING.length; i++) check.get(MENDING[i]).oneOf([OFF, REWRITE, REJECT]);
  for (let i = 0; i < REFUSING.length; i++) check.get(REFUSING[i]).oneOf([OFF, REJECT]);
  check.get('leaveSigned').anyOf(SIGNATURES);
  check.get('fallbackCharset').oneOf(FALLBACKS);
  check.get('unmendable').oneOf(['pass', REJECT]);
  return check.problem;
}
