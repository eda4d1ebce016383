/**
 * Comma-separated values (RFC 4180): records of lines, values that may be in double quotes with `""` for a quote. Lines may end with LF, a BOM
 * and empty lines are passed over. Throws an Error that names the line of what can't be understood.
 */
export function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  let at = text.startsWith('\ufeff') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const record: string[] = [];
    const begun = line;
    for (;;) {
      if (text[at] === '"') {
        let value = '';
        for (at += 1; ; at += 1) {
          const end = text.indexOf('"', at);
          if (end < 0) throw new Error(`Cannot read the quoted value of line ${begun}: it does not end`);
          value += text.slice(at, end);
          at = end + 1;
          if (text[at] !== '"') break;
          value += '"';
        }
        line += value.split('\n').length - 1;
        record.push(value);
      } else {
        const end = ends(text, at);
        record.push(text.slice(at, end));
        at = end;
      }
      if (text[at] !== ',') break;
      at += 1;
    }
    if (at < text.length && text[at] !== '\n' && !text.startsWith('\r\n', at)) {
      throw new Error(`Cannot read line ${line}: there is text after a closing quote, or a CR without LF`);
    }
    at += text[at] === '\r' ? 2 : 1;
    line += 1;
    if (record.length > 1 || record[0] !== '') records.push(record);
  }
  return records;
}

const END = /[,\r\n]/g;

function ends(text: string, from: number): number {
  END.lastIndex = from;
  return END.exec(text)?.index ?? text.length;
}
