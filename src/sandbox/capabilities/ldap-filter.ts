/**
 * A search filter (RFC 4515) with a key filled in: `{key}`, and of an address `{local}` and `{domain}`, the parts before and after its last
 * `@`. What is filled in is only ever a value: whatever could end it or match anything is escaped. Undefined if the key has not the
 * parts that the filter wants.
 */
export function fillFilter(template: string, key: string): string | undefined {
  const at = key.lastIndexOf('@');
  const parts: Readonly<Record<string, string | undefined>> = {
    '{key}': key,
    '{local}': at < 0 ? undefined : key.slice(0, at),
    '{domain}': at < 0 ? undefined : key.slice(at + 1),
  };
  const wanted = template.match(PLACE) ?? [];
  if (wanted.some((place) => !parts[place])) return undefined;
  return template.replaceAll(PLACE, (place) => escapeValue(parts[place]!));
}

const PLACE = /\{(?:key|local|domain)\}/g;

/** RFC 4515 section 3: `\XX` for all of ASCII but letters, digits and a few harmless signs; what is beyond ASCII stands for itself. */
function escapeValue(text: string): string {
  return text.replaceAll(
    /[^A-Za-z0-9@._+\u0080-\u{10ffff}-]/gu,
    (sign) => `\\${sign.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
