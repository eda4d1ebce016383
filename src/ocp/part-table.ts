import type { MimeIndex, MimePart } from '../mail/mime-index.ts';

/**
 * The MIME parts of a message as facts tell them (RFC 4496 section 4.3): what can be logged and judged without reading the message. Computed
 * once for a message, as it arrived, for the services whose manifest asks for it (`parts`).
 */
export interface PartTable {
  /** In document order, the message itself first; as many as the bounds allow. */
  readonly parts: readonly PartFacts[];
  /** How many the message has. */
  readonly partCount: number;
}

export interface PartFacts {
  /** `type/subtype` in lower case. */
  readonly type: string;
  /** File name, decoded; '' if not given. */
  readonly name: string;
  /** `attachment`, `inline` …; '' if not given. */
  readonly disposition: string;
  /** Content-Transfer-Encoding in lower case. */
  readonly encoding: string;
  /** 0 for the message, 1 for its parts, and so on. */
  readonly depth: number;
  /** Octets of its body as encoded. */
  readonly size: number;
}

/** Facts are a few KB, whatever a message holds: parts, octets of their JSON, characters of a text. */
const PART_LIMIT = 100;
const OCTET_LIMIT = 8 * 1024;
const NAME_LIMIT = 255;
const WORD_LIMIT = 100;

export function partTable({ parts }: Pick<MimeIndex, 'parts'>): PartTable {
  const told: PartFacts[] = [];
  let octets = 0;
  for (const part of parts.slice(0, PART_LIMIT)) {
    const facts = partFacts(part);
    octets += Buffer.byteLength(JSON.stringify(facts));
    if (octets > OCTET_LIMIT) break;
    told.push(facts);
  }
  return { parts: told, partCount: parts.length };
}

const partFacts = ({ type, name, disposition, encoding, depth, size }: MimePart): PartFacts => ({
  type: cut(type, WORD_LIMIT),
  name: cut(name, NAME_LIMIT),
  disposition: cut(disposition, WORD_LIMIT),
  encoding: cut(encoding, WORD_LIMIT),
  depth,
  size,
});

/** Not within a character. */
const cut = (text: string, limit: number): string => text.slice(0, limit).replace(/[\ud800-\udbff]$/, '');
