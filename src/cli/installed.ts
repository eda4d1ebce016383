import type { Config } from '../config/config.ts';
import { suggestNear } from '../config/suggest.ts';
import { formatPackageName, ID_FORM, parsePackageName } from '../ocp/package-name.ts';
import { PackageStore, type PackageRecord } from '../sandbox/package-store.ts';
import { CommandError, EXIT } from './exit.ts';
import { packagesDirectory } from './state-dir.ts';

/** Installed packages, as commands name them, and which versions of them ran. */

/** `vendor/name` or `vendor/name@version`; ends the command for anything else. */
export function nameOrFail(text: string): { id: string; version: string | undefined } {
  if (ID_FORM.test(text)) return { id: text, version: undefined };
  const name = parsePackageName(text);
  if (name !== undefined) return name;
  throw new CommandError(
    EXIT.usage,
    `Cannot use ${JSON.stringify(text)} as a package: it must be vendor/name, or vendor/name@1.2.3`,
  );
}

/** The package of that name; without a version the newest, and of these a release before what is only on its way to one. */
export async function packageOrFail(config: Config, text: string): Promise<PackageRecord> {
  const { id, version } = nameOrFail(text);
  const versions = await storeOf(config).versions(id);
  const releases = versions.filter((record) => !record.version.includes('-'));
  const found =
    version === undefined
      ? (releases.at(-1) ?? versions.at(-1))
      : versions.find((record) => record.version === version);
  if (found !== undefined) return found;
  throw await notInstalled(config, { text, id });
}

/** The end of a command for a package that is not there. */
export async function notInstalled(
  config: Config,
  { text, id }: { text: string; id: string },
): Promise<CommandError> {
  const there = await whatIsInstalled(storeOf(config), id);
  return new CommandError(EXIT.notFound, `Cannot find ${text}: ${there}; postern plugin install adds one`);
}

/** What there is in the place of a package that is not there: other versions of it, or one whose name is nearly the same. */
export async function whatIsInstalled(store: PackageStore, id: string): Promise<string> {
  const installed = await store.list();
  const versions = installed.filter((record) => record.id === id).map(({ version }) => version);
  if (versions.length > 0) return `installed are ${versions.join(', ')}`;
  const near = suggestNear(
    id,
    installed.map((record) => record.id),
  );
  return `no version of it is installed${near}`;
}

export const storeOf = (config: Config): PackageStore => new PackageStore(packagesDirectory(config));

/** Remembers that these versions of one package ran, in their order; each has loaded. */
export async function recordRuns(config: Config, ran: readonly PackageRecord[]): Promise<void> {
  const [first] = ran;
  if (first === undefined) return;
  const store = storeOf(config);
  const history = [...(await store.readHistory(first.id))];
  const at = new Date().toISOString();
  for (const { version, digest } of ran)
    if (history.at(-1)?.digest !== digest) history.push({ version, digest, at });
  await store.writeHistory(first.id, history);
}

/**
 * The version that ran before this one, with the history up to it; ends the command if there is none, or if what ran is not
 * installed any more.
 */
export async function versionBefore(config: Config, { id, version }: { id: string; version: string }) {
  const store = storeOf(config);
  const history = await store.readHistory(id);
  const at = history.findLastIndex((entry) => entry.version !== version);
  const before = history[at];
  if (before === undefined) {
    const message = `Cannot roll ${id} back: no version is on record that ran before ${version}; postern plugin upgrade names one`;
    throw new CommandError(EXIT.failed, message);
  }
  const record = await store.find({ id, version: before.version });
  // Another content under the same version is something that never ran.
  if (record?.digest === before.digest) return { record, history: history.slice(0, at + 1) };
  const name = formatPackageName({ id, version: before.version });
  const message = `Cannot roll ${id} back: ${name} of ${before.digest} ran before and is not installed any more; postern plugin install adds it`;
  throw new CommandError(EXIT.notFound, message);
}
