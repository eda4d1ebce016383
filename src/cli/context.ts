import { describeError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { CommandError, EXIT } from './exit.ts';
import { storePath } from './state-dir.ts';

/** What every command takes. */
export interface CommonOptions {
  readonly config: string;
}

/** The config, or the command ends with all its problems on standard error and exit code 2. */
export function loadOrFail(path: string): LoadedConfig {
  const loaded = loadConfig(path);
  if (loaded.ok) return loaded;
  throw new CommandError(EXIT.usage, loaded.problems.map(formatProblem).join('\n'));
}

/** Runs a command on the store, beside a running server if there is one. */
export async function withStore(
  options: CommonOptions,
  use: (store: Store) => Promise<void> | void,
): Promise<void> {
  const { config } = loadOrFail(options.config);
  let store: Store;
  try {
    store = await openSqliteStore({ path: storePath(config), log: silentLog, role: 'tool' });
  } catch (error) {
    throw new CommandError(EXIT.failed, describeError(error));
  }
  try {
    await use(store);
  } finally {
    await store.close();
  }
}
