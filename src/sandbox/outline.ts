import { quotedName } from '../base/printable.ts';
import { BinaryReader, MalformedBinary, SECTION, type WasmSection } from './binary.ts';
import { readLimits } from './caps.ts';

/**
 * What a module imports and exports, with the signatures of its functions: the JavaScript API of WebAssembly does not
 * tell those, and a host call with another signature would only fail when it is called.
 */
export interface Outline {
  readonly imports: readonly OutlineImport[];
  readonly exports: readonly OutlineExport[];
  /** In pages of 64 KiB, as the module declares it. */
  readonly memory?: { readonly minimum: number; readonly maximum: number | undefined };
}

export interface OutlineImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** Of a function. */
  readonly signature?: string;
}

export interface OutlineExport {
  readonly name: string;
  readonly kind: ExternKind;
  /** Of a function. */
  readonly signature?: string;
}

export type ExternKind = 'function' | 'table' | 'memory' | 'global' | 'tag';

const KINDS: readonly ExternKind[] = ['function', 'table', 'memory', 'global', 'tag'];
const VALUE_TYPES: ReadonlyMap<number, string> = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
  [0x70, 'funcref'],
  [0x6f, 'externref'],
]);

/** Reads the sections. Throws MalformedBinary, also for features of the language that Postern can't set limits to. */
export function outlineOf(sections: readonly WasmSection[]): Outline {
  const types: string[] = [];
  const functions: (string | undefined)[] = [];
  const imports: OutlineImport[] = [];
  const exports: OutlineExport[] = [];
  let memory: Outline['memory'];
  for (const { id, body } of sections) {
    const reader = new BinaryReader(body);
    switch (id) {
      case SECTION.type:
        for (let left = reader.u32(); left > 0; left--) types.push(readFunctionType(reader));
        break;
      case SECTION.import:
        for (let left = reader.u32(); left > 0; left--) {
          const entry = readImport(reader, types);
          if (entry.kind === 'function') functions.push(entry.signature);
          imports.push(entry);
        }
        break;
      case SECTION.function:
        for (let left = reader.u32(); left > 0; left--) functions.push(types[reader.u32()]);
        break;
      case SECTION.memory:
        // More than one is refused when they are capped.
        if (reader.u32() > 0) memory = readLimits(reader, 'memory');
        break;
      case SECTION.export:
        for (let left = reader.u32(); left > 0; left--) {
          const name = reader.name();
          const kind = readKind(reader);
          const signature = functions[reader.u32()];
          exports.push({ name, kind, ...(kind === 'function' && signature !== undefined && { signature }) });
        }
        break;
      default:
    }
  }
  return { imports, exports, ...(memory !== undefined && { memory }) };
}

/** `i32 i32 -> i32`, as signatures are written here. */
function readFunctionType(reader: BinaryReader): string {
  const form = reader.byte();
  if (form !== 0x60) {
    // Objects of the garbage-collected types live in the host's heap, where no limit of a service reaches them.
    throw new MalformedBinary(
      `it declares a type of form 0x${form.toString(16)}; only function types are allowed`,
    );
  }
  const parameters = readValueTypes(reader);
  return signatureOf(parameters, readValueTypes(reader));
}

export function signatureOf(parameters: readonly string[], results: readonly string[]): string {
  return [...parameters, '->', ...results].join(' ');
}

function readValueTypes(reader: BinaryReader): string[] {
  const names: string[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    const code = reader.byte();
    const name = VALUE_TYPES.get(code);
    if (name === undefined)
      throw new MalformedBinary(`it uses the value type 0x${code.toString(16)}, which is not allowed`);
    names.push(name);
  }
  return names;
}

function readImport(reader: BinaryReader, types: readonly string[]): OutlineImport {
  const module = reader.name();
  const name = reader.name();
  const kind = readKind(reader);
  if (kind !== 'function') {
    // Refused by the audit, which names it; what follows can't be read without knowing the kind's whole grammar.
    throw new MalformedBinary(
      `it imports the ${kind} ${quotedName(name)} from ${quotedName(module)}; only functions may be imported`,
    );
  }
  const signature = types[reader.u32()];
  return { module, name, kind, ...(signature !== undefined && { signature }) };
}

function readKind(reader: BinaryReader): ExternKind {
  const code = reader.byte();
  const kind = KINDS[code];
  if (kind === undefined)
    throw new MalformedBinary(`it is malformed: there is no import or export of kind ${code}`);
  return kind;
}
