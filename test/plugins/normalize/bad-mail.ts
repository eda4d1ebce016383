/** Mail with what senders get wrong, made at random, and the parts that it should have. */
export interface Leaf {
  readonly type: string;
  /** As latin1, encodings undone. */
  readonly octets: string;
}

export interface BadMail {
  /** As latin1, lines end with CRLF. */
  readonly text: string;
  /** In document order. */
  readonly leaves: readonly Leaf[];
}

type Random = () => number;

/** A message; no two calls with one generator of numbers give the same. */
export function badMail(random: Random): BadMail {
  let boundaries = 0;
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const chance = (of: number): boolean => random() < of;

  const words = (count: number): string =>
    Array.from({ length: count }, () => pick('the', 'mail', 'gate', 'begin', '--x', '=', '.', 'ends')).join(
      ' ',
    );
  const line = (): string =>
    chance(0.1) ? words(400) : chance(0.1) ? pick('begin 644 soon', '.', '--=_uu-0', 'end', '') : words(8);
  const prose = (): string => `Well: ${line()}\r\n${line()}\r\n`;
  const high = (): string => pick('Gr\xfc\xdfe\r\n', Buffer.from('Grüße ☺\r\n').toString('latin1'), '');
  const octets = (count: number): string =>
    Array.from({ length: count }, () => String.fromCharCode(Math.floor(random() * 256))).join('');

  const text = (): { header: string; body: string; leaves: Leaf[] } => {
    const header = pick(
      'Content-Type: text/plain\r\n',
      'Content-Type: text\r\nX-Other: 1\r\n',
      'Content-Type: text/plain charset=us-ascii\r\nContent-Transfer-Encoding: 8-bit\r\n',
      'Content-type: plain/text; charset=x-unknown\r\n',
    );
    const before = prose() + high();
    if (chance(0.6)) return { header, body: before, leaves: [{ type: 'text/plain', octets: before }] };
    const [file, after] = [octets(1 + Math.floor(random() * 200)), chance(0.5) ? prose() : ''];
    const body = `${before}${uuencoded(file, chance(0.5))}${after}`;
    const leaves = [before, after].map((octets) => ({ type: 'text/plain', octets }));
    leaves.splice(1, 0, { type: 'application/octet-stream', octets: file });
    return { header, body, leaves: after === '' ? leaves.slice(0, 2) : leaves };
  };

  const attachment = (): { header: string; body: string; leaves: Leaf[] } => {
    const name = pick('a.jpg', '../a.jpg', 'C:\\\\x\\\\a.jpg', 'a\u0001.jpg', '=?utf-8?B?YS5qcGc=?=');
    const data = octets(1 + Math.floor(random() * 3000));
    const [type, written] = pick(
      ['image/jpeg', 'image/jpg'] as const,
      ['application/octet-stream', 'octet-stream'] as const,
    );
    const encoded = Buffer.from(data, 'latin1').toString('base64');
    const body = chance(0.5) ? encoded : encoded.replaceAll(/.{76}/g, '$&\r\n');
    const encoding = pick('base64', 'base-64', 'BASE64 ');
    const fields = `Content-Type: ${written}; name="${name}\r\nContent-Transfer-Encoding: ${encoding}\r\n`;
    const header = chance(0.5) ? fields : fields.replace(`"${name}`, `"${name}"`);
    return { header, body, leaves: [{ type, octets: data }] };
  };

  const multipart = (depth: number): { header: string; body: string; leaves: Leaf[] } => {
    // No boundary begins another one: Python takes what begins as a delimiter for one in some versions.
    const boundary = `${boundaries++}=${Math.floor(random() * 1e9)}-b`;
    const parameter = pick(
      `; boundary="${boundary}"`,
      `; boundary="${boundary}"`,
      '',
      '; boundary=other',
      ` boundary="${boundary}"`,
    );
    const header = `Content-Type: ${pick('multipart/mixed', 'Multipart/Mixed', 'multipart')}${parameter}\r\n`;
    const parts = Array.from({ length: 1 + Math.floor(random() * 3) }, () => part(depth + 1));
    const preamble = chance(0.3) ? `${line()}\r\n` : '';
    const body = parts.map((inner) => `--${boundary}\r\n${inner.header}\r\n${inner.body}\r\n`).join('');
    const end = chance(0.5) ? `--${boundary}--\r\n${chance(0.3) ? `${words(500)}\r\n` : ''}` : '';
    // Without its end the last line end belongs to the last part, if nothing else follows.
    return { header, body: preamble + body + end, leaves: parts.flatMap(({ leaves }) => leaves) };
  };

  const part = (depth: number): { header: string; body: string; leaves: Leaf[] } =>
    depth < 4 && chance(depth === 0 ? 0.8 : 0.25) ? multipart(depth) : chance(0.6) ? text() : attachment();

  const { header, body, leaves } = part(0);
  const subject = pick('Subject: x', 'Subject: caf\xe9 \xfc', `Subject: ${words(400)}`);
  return { text: `From: "J\xf6rg" <a@b.example>\r\n${subject}\r\n${header}\r\n${body}`, leaves };
}

/** With `\`` for zeros, or with spaces that are lost at the end of lines. */
function uuencoded(octets: string, spaces: boolean): string {
  const letter = (value: number): string =>
    value === 0 ? (spaces ? ' ' : '`') : String.fromCharCode(0x20 + value);
  const lines: string[] = [];
  for (let at = 0; at < octets.length; at += 45) {
    const piece = Buffer.from(octets.slice(at, at + 45), 'latin1');
    let line = letter(piece.length);
    for (let i = 0; i < piece.length; i += 3) {
      const bits = ((piece[i] ?? 0) << 16) | ((piece[i + 1] ?? 0) << 8) | (piece[i + 2] ?? 0);
      for (const shift of [18, 12, 6, 0]) line += letter((bits >> shift) & 63);
    }
    lines.push(spaces ? line.replace(/ {1,3}$/, '') : line);
  }
  return `begin 644 a.bin\r\n${lines.join('\r\n')}\r\n${spaces ? ' ' : '`'}\r\nend\r\n`;
}
