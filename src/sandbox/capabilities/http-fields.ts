/** Header fields of requests, those of a plugin and those that the host puts in for it. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
// RFC 9110 section 5.5, without the octets beyond ASCII that nobody agrees on. No CR, LF or NUL: what a value can't have can't split.
const VALUE = /^[\t\x20-\x7e]*$/;
const VALUE_LIMIT = 8 * 1024;
const FIELDS = 50;

/** What frames the message, belongs to the connection, or says where it goes: the host's alone. */
const OWN: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export type Fields = Readonly<Record<string, string>>;

/** Why a plugin can't send these header fields, or undefined. `reserved` are names, in lower case, that the host fills in. */
export function fieldsFault(fields: Fields, reserved: ReadonlySet<string>): string | undefined {
  const names = Object.keys(fields);
  if (names.length > FIELDS)
    return `${names.length} header fields are too many, at most ${FIELDS} are allowed`;
  const lower = names.map((name) => name.toLowerCase());
  if (new Set(lower).size < lower.length) return 'a header field is there twice';
  for (const [index, name] of names.entries()) {
    if (!NAME.test(name)) return `the name of header field ${index + 1} is not a token`;
    const own = lower[index]!;
    if (OWN.has(own) || own.startsWith('proxy-'))
      return `the header field ${name} is not the plugin's to set`;
    if (reserved.has(own)) return `the header field ${name} is put in by the host`;
    if (!isFieldValue(fields[name]!)) return `the value of the header field ${name} is not printable text`;
  }
  return undefined;
}

export const isFieldValue = (value: string): boolean => value.length <= VALUE_LIMIT && VALUE.test(value);
