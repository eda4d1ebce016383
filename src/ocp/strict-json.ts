/**
 * JSON that every reader understands alike. RFC 8259 section 4 leaves open what a key that comes twice means, so two
 * readers may see two documents in the same signed octets; and `__proto__` is a key that JavaScript can lose.
 */
export type StrictJson = { readonly value: unknown } | { readonly fault: string };

export const DEPTH_LIMIT = 32;

/**
 * Whether the brackets of a text, JSON or not, nest deeper than DEPTH_LIMIT. To be asked before a stranger's text is parsed: for each
 * bracket that is open the parser keeps 40 octets.
 */
export function nestsDeeply(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{' || char === '[') {
      depth += 1;
      if (depth > DEPTH_LIMIT) return true;
    } else if (char === '}' || char === ']') {
      depth -= 1;
    } else if (char === '"') {
      at = endOfString(text, at);
    }
  }
  return false;
}

/** Parses a text, or says what is wrong with it; never throws. */
export function strictJson(text: string): StrictJson {
  if (nestsDeeply(text)) return { fault: `is nested deeper than ${DEPTH_LIMIT}` };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: 'is not JSON' };
  }
  const fault = ambiguity(text);
  return fault === undefined ? { value } : { fault };
}

/** Walks a text that is known to be JSON. */
function ambiguity(text: string): string | undefined {
  const keys: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{' || char === '[') {
      keys.push(new Set());
    } else if (char === '}' || char === ']') {
      keys.pop();
    } else if (char === '"') {
      const end = endOfString(text, at);
      if (isKey(text, end + 1)) {
        const key = String(JSON.parse(text.slice(at, end + 1)));
        if (key === '__proto__') return 'has the key "__proto__"';
        if (keys.at(-1)!.has(key)) return `has the key ${JSON.stringify(key.slice(0, 100))} twice`;
        keys.at(-1)!.add(key);
      }
      at = end;
    }
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

/** A string is a key if a colon comes next. */
function isKey(text: string, from: number): boolean {
  let at = from;
  while (' \t\r\n'.includes(text[at] ?? '.')) at += 1;
  return text[at] === ':';
}
