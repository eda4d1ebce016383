/** One line of a dialog file. The format is in README.md. */
export interface Step {
  /** For messages: `file.txt:12`. */
  readonly where: string;
  readonly verb: string;
  readonly argument: string;
}

export interface Script {
  readonly title: string;
  readonly listener: string;
  readonly steps: readonly Step[];
}

const VERBS = new Set(
  'C C-raw C-repeat S S-not starttls closed vanish reconnect delivered holds holds-not quarantined log'.split(
    ' ',
  ),
);

/** Throws if the file does not keep to the format. */
export function parseScript(file: string, text: string): Script {
  const lines = text.split('\n').map((line, index) => ({ line, where: `${file}:${index + 1}` }));
  const title = /^# (.+)/.exec(lines[0]!.line)?.[1];
  if (title === undefined) throw new Error(`${file}: the first line must be "# what it shows"`);
  const [first, ...steps] = lines
    .filter(({ line }) => line.trim() !== '' && !line.startsWith('#'))
    .map(({ line, where }): Step => {
      const [, verb = '', argument = ''] = /^([\w-]+)(?::(?: (.*))?)?$/.exec(line) ?? [];
      return { where, verb, argument };
    });
  if (first?.verb !== 'listener') throw new Error(`${file}: the first thing to say is "listener: name"`);
  for (const { verb, where } of steps) {
    if (!VERBS.has(verb)) throw new Error(`${where}: unknown line, see README.md`);
  }
  return { title, listener: first.argument, steps };
}

/** Undoes the escapes of `C-raw`. */
export function octetsOf(escaped: string): Buffer {
  const named: Record<string, number> = { r: 13, n: 10, t: 9, '0': 0, '\\': 92 };
  const parts = escaped.split(/(\\(?:x[0-9A-Fa-f]{2}|.))/).map((part) => {
    if (!part.startsWith('\\')) return Buffer.from(part);
    const octet = part[1] === 'x' ? Number.parseInt(part.slice(2), 16) : named[part[1] ?? ''];
    if (octet === undefined) throw new Error(`unknown escape ${part}`);
    return Buffer.from([octet]);
  });
  return Buffer.concat(parts);
}

/** A pattern with `*`, for the whole text or a part of it. */
export function patternOf(text: string, options: { whole: boolean }): RegExp {
  const inner = text
    .split('*')
    .map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^]*');
  return new RegExp(options.whole ? `^${inner}$` : inner);
}
