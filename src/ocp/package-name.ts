/** How packages are named: `vendor/name`, and with its version `vendor/name@1.2.3`. */
export interface PackageName {
  /** `vendor/name` */
  readonly id: string;
  readonly version: string;
}

/** As a label of a host name, so that it is safe as the name of a file. */
export const VENDOR_FORM = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Vendor and name, both of that form. */
export const ID_FORM = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\/[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The grammar of semver.org 2.0.0. */
export const VERSION_FORM =
  /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$/;

/** Characters of a version. */
export const VERSION_LIMIT = 100;

/** `vendor/name@version`, but for the length of the version; without the ends of a text. */
export const PACKAGE_NAME_FORM = new RegExp(`${inner(ID_FORM)}@${inner(VERSION_FORM)}`);

/** Reads `vendor/name@version`; undefined for anything else. */
export function parsePackageName(text: string): PackageName | undefined {
  const [id, version, ...more] = text.split('@');
  if (id === undefined || version === undefined || more.length > 0) return undefined;
  if (!ID_FORM.test(id) || version.length > VERSION_LIMIT || !VERSION_FORM.test(version)) return undefined;
  return { id, version };
}

export const formatPackageName = ({ id, version }: PackageName): string => `${id}@${version}`;

/** The half of an id that keys are trusted for. */
export const vendorOf = (id: string): string => id.slice(0, id.indexOf('/'));

/** Orders versions by their precedence (semver.org 2.0.0 section 11): below 0 if the first is the lower one. */
export function compareVersions(first: string, second: string): number {
  const [one, other] = [partsOf(first), partsOf(second)];
  const core = compareLists(one.core, other.core);
  if (core !== 0) return core;
  // A pre-release comes before its release.
  if (one.pre.length === 0 || other.pre.length === 0) return other.pre.length - one.pre.length;
  return compareLists(one.pre, other.pre);
}

/** Build metadata has no say in the order. */
function partsOf(version: string): { core: string[]; pre: string[] } {
  const [, core = '', pre] = /^([\d.]+)(?:-([^+]+))?/.exec(version) ?? [];
  return { core: core.split('.'), pre: pre === undefined ? [] : pre.split('.') };
}

function compareLists(one: readonly string[], other: readonly string[]): number {
  for (const [at, item] of one.entries()) {
    const against = other[at];
    if (against === undefined) return 1;
    const order = compareItems(item, against);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

/** Numbers by their value and before words, words by their octets. */
function compareItems(one: string, other: string): number {
  const [isNumber, isOtherNumber] = [/^\d+$/.test(one), /^\d+$/.test(other)];
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  // Without zeros in front, the longer number is the greater, however many digits it has.
  if (isNumber && one.length !== other.length) return one.length - other.length;
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** An expression without its `^` and `$`. */
function inner({ source }: RegExp): string {
  return source.slice(1, -1);
}
