import { accessSync, constants, statSync } from 'node:fs';
import { describeError } from '../base/errors.ts';
import type { Config } from './config.ts';
import type { Finding } from './issues.ts';
import { quote, type KeyPath } from './problem.ts';

/**
 * The files that the config names. Certificates must be there; a password file may come later. Plugins are the
 * sandbox's to find and to check, and what Postern makes itself is not asked for.
 */
export function fileFindings(config: Config): { problems: Finding[]; warnings: Finding[] } {
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  const mustBe = (path: KeyPath, file: string): void => {
    const fault = faultOf(file);
    if (fault !== undefined) problems.push({ path, at: 'value', message: fault.message });
  };
  for (const { name, tls, auth } of config.listeners) {
    if (tls !== undefined) {
      mustBe(['listeners', name, 'tls', 'cert'], tls.cert);
      mustBe(['listeners', name, 'tls', 'key'], tls.key);
    }
    const fault = auth === undefined ? undefined : faultOf(auth.file);
    if (fault !== undefined) {
      const finding = {
        path: ['listeners', name, 'auth', 'file'],
        at: 'value',
        message: fault.message,
      } as const;
      (fault.missing ? warnings : problems).push(finding);
    }
  }
  for (const downstream of config.downstreams) {
    if (downstream.protocol !== 'maildir' && downstream.ca !== undefined) {
      mustBe(['downstreams', downstream.name, 'ca'], downstream.ca);
    }
  }
  return { problems, warnings };
}

function faultOf(file: string): { missing: boolean; message: string } | undefined {
  try {
    const found = statSync(file);
    if (!found.isFile()) return { missing: false, message: `found ${quote(file)}, which is no file` };
    accessSync(file, constants.R_OK);
    return undefined;
  } catch (error) {
    if (isMissing(error)) return { missing: true, message: `found ${quote(file)}, which does not exist` };
    return { missing: false, message: `cannot read ${quote(file)}: ${describeError(error)}` };
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
