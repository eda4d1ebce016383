import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { OperationalError } from '../base/errors.ts';
import { consentSchema, type Consent } from '../ocp/consent.ts';
import {
  compareVersions,
  formatPackageName,
  ID_FORM,
  parsePackageName,
  type PackageName,
} from '../ocp/package-name.ts';
import { DIGEST_FORM, digestOf } from './digest.ts';
import { createFile, namesIn, readIfThere, replaceFile } from './package-files.ts';
import { FILE_SIZE_LIMIT } from './plugin-module.ts';

/**
 * The installed packages, below `stateDir/packages`. Nothing here judges a package: whoever adds one has.
 *
 *     sha256/<hex>.wasm                            the octets, by their digest
 *     ids/<vendor>/<name>/versions/<version>.json  one record for each version
 *     ids/<vendor>/<name>/consent.json             what has been consented to
 *     ids/<vendor>/<name>/history.json             which versions ran, with their digests
 *
 * Each file is whole or absent whenever a process looks, and stays so over a power cut; a record never changes its digest. All can be
 * read by every user who gets as far as `stateDir`: a package is no secret. A digest belongs to one version only, since a
 * package has its id and version in it. Versions that differ in nothing but build metadata are one version: they have no order.
 *
 * Errors are OperationalErrors: `package_store` for what is unreadable or broken, `package_conflict` for a version that is there with
 * another content.
 */
export class PackageStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Keeps a package. The same once more gets the signatures that are new; a version that is there with another content is a
   * `package_conflict`.
   */
  async add(content: Uint8Array, options: NewPackage): Promise<PackageRecord> {
    const { signatures, ...rest } = options;
    const digest = digestOf(content);
    const before = await this.#same(options);
    if (before !== undefined && (before.digest !== digest || before.version !== options.version))
      throw conflict(options, before);
    // Also where there is a record: its octets may have been lost or damaged.
    await replaceFile(this.#contentPath(digest), content);
    const record: PackageRecord = {
      ...rest,
      digest,
      size: content.length,
      signatures: [...new Set([...(before?.signatures ?? []), ...signatures])].slice(-SIGNATURES_LIMIT),
      installedAt: before?.installedAt ?? new Date().toISOString(),
    };
    const path = this.#recordPath(options);
    if (before !== undefined) {
      await replaceFile(path, json(record));
      return record;
    }
    if (await createFile(path, json(record))) return record;
    // Somebody was faster.
    const other = await this.find(options);
    if (other?.digest === digest) return other;
    await rm(this.#contentPath(digest), { force: true });
    throw conflict(options, other ?? { version: options.version, digest: 'unknown' });
  }

  /** All that are installed, by id and then version, the lowest first. */
  async list(): Promise<PackageRecord[]> {
    const ids = join(this.#directory, 'ids');
    const records: PackageRecord[] = [];
    for (const vendor of (await namesIn(ids)).sort()) {
      for (const name of (await namesIn(join(ids, vendor))).sort()) {
        if (ID_FORM.test(`${vendor}/${name}`)) records.push(...(await this.versions(`${vendor}/${name}`)));
      }
    }
    return records;
  }

  /** The installed versions of an id, the lowest first. */
  async versions(id: string): Promise<PackageRecord[]> {
    const files = await namesIn(join(this.#idPath(id), 'versions'));
    const names = files.flatMap((file) => parsePackageName(`${id}@${file.replace(/\.json$/, '')}`) ?? []);
    const found = await Promise.all(names.map((name) => this.find(name)));
    return found
      .filter((record) => record !== undefined)
      .sort((one, other) => compareVersions(one.version, other.version));
  }

  /** The record of a version; undefined if it is not installed. */
  async find({ id, version }: PackageName): Promise<PackageRecord | undefined> {
    const path = this.#recordPath({ id, version });
    const record = await this.#read(path, recordSchema);
    if (record !== undefined && (record.id !== id || record.version !== version)) throw broken(path);
    return record;
  }

  /** The octets of a record, held to its digest. */
  async read(record: PackageRecord): Promise<Uint8Array> {
    const path = this.#contentPath(record.digest);
    const content = await readIfThere(path, FILE_SIZE_LIMIT);
    if (content !== undefined && digestOf(content) === record.digest) return content;
    const found = content === undefined ? 'is not there' : 'is not what was installed: its digest differs';
    throw new OperationalError(
      'package_store',
      `Cannot read ${formatPackageName(record)}: its file ${path} ${found}; install it again`,
    );
  }

  /** Forgets a version, and that it ran; with the last one of its id also what was consented to. */
  async remove(record: PackageRecord): Promise<void> {
    const { id, version } = record;
    await rm(this.#recordPath(record), { force: true });
    await rm(this.#contentPath(record.digest), { force: true });
    if ((await this.versions(id)).length > 0) {
      const history = await this.readHistory(id);
      const left = history.filter((entry) => entry.version !== version);
      if (left.length < history.length) await this.writeHistory(id, left);
      return;
    }
    for (const name of ['consent.json', 'history.json'])
      await rm(join(this.#idPath(id), name), { force: true });
  }

  /** What has been consented to for an id; undefined where nobody was asked yet. */
  async readConsent(id: string): Promise<Consent | undefined> {
    return this.#read(join(this.#idPath(id), 'consent.json'), consentSchema);
  }

  /** Records a consent in the place of any before. */
  async writeConsent(id: string, consent: Consent): Promise<void> {
    await replaceFile(join(this.#idPath(id), 'consent.json'), json(consent));
  }

  /** Records the first consent for an id. False, and nothing is changed, where there is one. */
  async createConsent(id: string, consent: Consent): Promise<boolean> {
    return createFile(join(this.#idPath(id), 'consent.json'), json(consent));
  }

  /** Which versions ran, the latest last. */
  async readHistory(id: string): Promise<readonly HistoryEntry[]> {
    return (await this.#read(join(this.#idPath(id), 'history.json'), historySchema)) ?? [];
  }

  /** Keeps the latest hundred. */
  async writeHistory(id: string, history: readonly HistoryEntry[]): Promise<void> {
    await replaceFile(join(this.#idPath(id), 'history.json'), json(history.slice(-HISTORY_LIMIT)));
  }

  /** The record of the version that this is, however its build metadata differs. */
  async #same({ id, version }: PackageName): Promise<PackageRecord | undefined> {
    return (await this.versions(id)).find((record) => compareVersions(record.version, version) === 0);
  }

  async #read<Shape extends z.ZodType>(path: string, shape: Shape): Promise<z.output<Shape> | undefined> {
    const octets = await readIfThere(path, RECORD_SIZE_LIMIT);
    if (octets === undefined) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(octets).toString());
    } catch {
      throw broken(path);
    }
    const parsed = shape.safeParse(value);
    if (!parsed.success) throw broken(path);
    return parsed.data;
  }

  #contentPath(digest: string): string {
    return join(this.#directory, 'sha256', `${digest.slice('sha256:'.length)}.wasm`);
  }

  #idPath(id: string): string {
    // It becomes a path, so no other form gets here.
    if (!ID_FORM.test(id)) throw new TypeError(`no id of a package: ${id}`);
    return join(this.#directory, 'ids', id);
  }

  #recordPath({ id, version }: PackageName): string {
    if (parsePackageName(`${id}@${version}`) === undefined) throw new TypeError(`no version: ${version}`);
    return join(this.#idPath(id), 'versions', `${version}.json`);
  }
}

/** Signatures of one package. */
export const SIGNATURES_LIMIT = 16;

const HISTORY_LIMIT = 100;

/** Octets: sixteen signatures with the longest comments fit. */
const RECORD_SIZE_LIMIT = 1024 * 1024;

const recordSchema = z.strictObject({
  id: z.string().regex(ID_FORM),
  version: z.string(),
  digest: z.string().regex(DIGEST_FORM),
  /** Octets. */
  size: z.int(),
  /** The texts of its `.minisig` files. They are judged again whenever it is loaded. */
  signatures: z.array(z.string()).max(SIGNATURES_LIMIT),
  /** Where it came from: a path, an https URL or an oci reference. */
  source: z.string(),
  /** The ids of the keys that were found to have signed when it was installed; none if it came in unsigned. */
  signedBy: z.array(z.string()),
  /** ISO 8601. */
  installedAt: z.string(),
});

export type PackageRecord = Readonly<z.output<typeof recordSchema>>;

/** What is known of a package besides its octets. */
export type NewPackage = Pick<PackageRecord, 'id' | 'version' | 'signatures' | 'source' | 'signedBy'>;

const historySchema = z.array(
  z.strictObject({ version: z.string(), digest: z.string().regex(DIGEST_FORM), at: z.string() }),
);

/** A version that loaded as a service, with what it was then, and since when (ISO 8601). */
export type HistoryEntry = z.output<typeof historySchema>[number];

const json = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

const broken = (path: string): OperationalError =>
  new OperationalError(
    'package_store',
    `Cannot read ${path}: it is not what Postern writes; remove the file and install the package again`,
  );

function conflict(
  { id, version }: PackageName,
  found: Pick<PackageRecord, 'version' | 'digest'>,
): OperationalError {
  const which = found.version === version ? 'this version' : `${found.version}, which is the same version,`;
  const text = `Cannot install ${formatPackageName({ id, version })}: ${which} is installed with another content (${found.digest}); its vendor has to give the new one another version`;
  return new OperationalError('package_conflict', text);
}
