/** A text of others' making for headers, replies and logs: no control characters, quotes or direction marks, at most 100 characters. */
export function oneLine(text: string): string {
  const kept: string[] = [];
  for (let i = 0; i < text.length && kept.length < 100; i++) {
    const unit = text.charCodeAt(i);
    if (unit == 0x22 || unit == 0x5c) kept.push("'");
    else if (!isHidden(unit)) kept.push(text.charAt(i));
  }
  return kept.join('').trim();
}

/** Controls, and the marks that make text run backwards or that show nothing: `exe` may read as `gpj`. */
export function isHidden(unit: i32): bool {
  return (
    unit < 0x20 ||
    (unit >= 0x7f && unit < 0xa0) ||
    unit == 0xad ||
    (unit >= 0x200b && unit <= 0x200f) ||
    (unit >= 0x202a && unit <= 0x202e) ||
    (unit >= 0x2060 && unit <= 0x2069) ||
    unit == 0xfeff
  );
}
