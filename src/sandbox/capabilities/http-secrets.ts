import { readFile } from 'node:fs/promises';
import type { HttpGrant } from '../../ocp/capability.ts';
import { isFieldValue, type Fields } from './http-fields.ts';

/**
 * The header fields whose values are in files. Read for each request, so that a secret can be changed under the running server. What is
 * wrong with one is told without it.
 */
export async function readSecrets(
  secrets: HttpGrant['secrets'],
  signal: AbortSignal,
): Promise<{ readonly fields: Fields } | { readonly fault: string }> {
  const fields: Record<string, string> = {};
  for (const { header, file } of secrets) {
    let value: string;
    try {
      value = (await readFile(file, { encoding: 'utf8', signal })).trim();
    } catch (thrown) {
      const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
      return { fault: `the secret for ${header} can't be read from ${file}: ${code}` };
    }
    if (value === '' || !isFieldValue(value)) {
      return { fault: `the secret for ${header} in ${file} is empty, or not one line of printable text` };
    }
    fields[header] = value;
  }
  return { fields };
}
