import { readFile } from 'node:fs/promises';
import type { CapabilityAnswer, KeyGrant } from '../../ocp/capability.ts';
import type { HeldKey } from '../../ocp/held-key.ts';
import { refused } from './request.ts';

type KeyOf<Type extends HeldKey['type']> = Extract<HeldKey, { type: Type }>;
type Refused = Extract<CapabilityAnswer, { kind: 'refused' }>;

/** The keys of the config. */
export class HeldKeys {
  readonly #keys: ReadonlyMap<string, HeldKey>;

  constructor(keys: readonly HeldKey[]) {
    this.#keys = new Map(keys.map((key) => [key.name, key]));
  }

  /** The key of that name and type if the grant has it, or the refusal of it. */
  find<Type extends HeldKey['type']>(
    grant: KeyGrant,
    { name, type }: { name: string; type: Type },
  ): { readonly key: KeyOf<Type> } | Refused {
    const key = this.#keys.get(name);
    if (key === undefined || !grant.keys.includes(name)) {
      const granted = grant.keys.join(', ');
      return refused(
        'DENIED',
        `the key ${name.slice(0, 64)} is not among those that are granted, ${granted}`,
      );
    }
    return isOf(key, type)
      ? { key }
      : refused('INVALID', `the key ${name} is of type ${key.type}, not ${type}`);
  }

  /** The keys of that type that the grant has. */
  ofType<Type extends HeldKey['type']>(grant: KeyGrant, type: Type): readonly KeyOf<Type>[] {
    return grant.keys.flatMap((name) => {
      const key = this.#keys.get(name);
      return key !== undefined && isOf(key, type) ? [key] : [];
    });
  }
}

function isOf<Type extends HeldKey['type']>(key: HeldKey, type: Type): key is KeyOf<Type> {
  return key.type === type;
}

/** What is in a key's file. Read for each operation, so that a key can be replaced under the running server. */
export async function readKeyFile(
  { name, file }: { readonly name: string; readonly file: string },
  signal: AbortSignal,
): Promise<{ readonly text: string } | Refused> {
  try {
    return { text: await readFile(file, { encoding: 'utf8', signal }) };
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
    return refused('UNAVAILABLE', `the key ${name} can't be read from ${file}: ${code}`);
  }
}
