/** Words that are looked at; what comes after them in a long text is not. */
const WORD_LIMIT: i32 = 20000;

/** A text as words: runs of letters, digits and `$`, in lower case; all else is between them. What cannot be seen is not there. */
export class Words {
  list: string[] = [];
  /** Word → where it stands in the list. */
  places: Map<string, i32[]> = new Map<string, i32[]>();

  add(text: string): void {
    const word = new StaticArray<u16>(text.length);
    let size = 0;
    for (let i = 0; i <= text.length && this.list.length < WORD_LIMIT; i++) {
      const unit = i < text.length ? folded(text.charCodeAt(i)) : 0;
      if (isInvisible(unit)) continue;
      if (isOfWord(unit)) {
        word[size++] = <u16>unit;
        continue;
      }
      if (size > 0) this.push(String.UTF16.decodeUnsafe(changetype<usize>(word), size << 1));
      size = 0;
    }
  }

  private push(word: string): void {
    if (this.places.has(word)) this.places.get(word).push(this.list.length);
    else this.places.set(word, [this.list.length]);
    this.list.push(word);
  }
}

function isOfWord(unit: i32): bool {
  if (unit < 0x80) return (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x30 && unit <= 0x39) || unit == 0x24;
  if (unit < 0xc0 || unit == 0xd7 || unit == 0xf7) return false;
  // Punctuation, symbols and spaces.
  return !(unit >= 0x2000 && unit <= 0x2bff) && !(unit >= 0x3000 && unit <= 0x303f) && unit != 0xfffd;
}

/** Soft hyphens, joiners, marks of direction and of byte order: what words are taken apart with. */
function isInvisible(unit: i32): bool {
  return unit == 0xad || (unit >= 0x200b && unit <= 0x200f) || unit == 0x2060 || unit == 0xfeff;
}

/** Lower case of Latin, Greek and Cyrillic letters as far as they lie in rows. */
function folded(unit: i32): i32 {
  if (unit < 0x41) return unit;
  if (unit <= 0x5a) return unit + 0x20;
  if (unit >= 0xc0 && unit <= 0xde && unit != 0xd7) return unit + 0x20;
  if (unit >= 0x391 && unit <= 0x3a9) return unit + 0x20;
  if (unit >= 0x410 && unit <= 0x42f) return unit + 0x20;
  return unit >= 0x400 && unit <= 0x40f ? unit + 0x50 : unit;
}
