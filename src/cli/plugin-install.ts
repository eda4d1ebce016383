import { InvalidArgumentError, type Command } from 'commander';
import { OperationalError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { asksBeyond, consentOf } from '../ocp/consent.ts';
import type { Manifest } from '../ocp/manifest.ts';
import { compareVersions, formatPackageName, parsePackageName } from '../ocp/package-name.ts';
import { lintPackage } from '../sandbox/lint.ts';
import { displayId } from '../sandbox/minisign.ts';
import { fetchPackage, type FetchedPackage } from '../sandbox/package-source.ts';
import { PackageStore, type PackageRecord } from '../sandbox/package-store.ts';
import { judge } from '../sandbox/trust.ts';
import { loadOrFail, type CommonOptions } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { printError, printJson, printLine, printTable } from './output.ts';
import { asksRows } from './manifest-rows.ts';
import { manifestOrFail, packageOf, type PackageFile } from './package-file.ts';
import { collect } from './plugin-verify.ts';
import { packagesDirectory, prepareState } from './state-dir.ts';
import { trustPolicyOf } from './trust-policy.ts';

/** Milliseconds for all that is fetched: 64 MiB over 2 Mbit/s. */
const FETCH_MS = 5 * 60_000;

interface InstallOptions extends CommonOptions {
  readonly sha256?: string;
  readonly signature?: string[];
  readonly allowDowngrade?: true;
  readonly plainHttp?: true;
  readonly json?: true;
}

/** `postern plugin install`: a package comes into the store if the config's policy trusts it. Nothing of it is run. */
export function addInstallCommand(plugin: Command, common: (command: Command) => Command): void {
  common(plugin.command('install <source>'))
    .description('Fetch a package, judge it by the config, and keep it; no service runs it by that')
    .option('--sha256 <hex>', 'the digest that it must have; an https URL needs one', parseSha256)
    .option(
      '--signature <file|url>',
      'a signature elsewhere, not beside the package; may be given again',
      collect,
    )
    .option('--allow-downgrade', 'also a version that is lower than one that is installed')
    .option('--plain-http', 'speak to a registry on another machine without TLS')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
SOURCE is a file, an https:// URL, or oci://registry/repository with :tag or @sha256:…. Signatures are looked for beside a file
(FILE.minisig, FILE.*.minisig), at URL.minisig, and among the layers of an artifact. Registries are logged in to with what
docker login keeps; NODE_EXTRA_CA_CERTS names authorities of your own.

What the first version of a package asks for counts as consented to. One that asks for more is installed, but runs only after
postern plugin upgrade has shown the difference.

Exit codes: 0 installed; 1 it is unfit, not trusted or can't be fetched, and nothing was kept; 2 wrong usage or a config that does
not check; 3 there is no such file or artifact.`,
    )
    .action(install);
}

async function install(source: string, options: InstallOptions): Promise<void> {
  const { config } = loadOrFail(options.config);
  const fetched = await fetchOrFail(source, options);
  const file = packageOf(fetched.source, fetched.binary);
  const manifest = manifestOrFail(file, 'install');
  const { problems } = await lintPackage(file.binary, file.sections);
  if (problems.length > 0) throw cannot(manifest, problems);
  const signedBy = judgeOrFail(file, { manifest, fetched, config });

  const store = new PackageStore(packagesDirectory(config));
  await refuseDowngrade(store, { manifest, options });
  // Made here if this comes before the first start: the directory of the state is nobody else's to read.
  await prepareState(config);
  const record = await store.add(file.binary, {
    id: manifest.id,
    version: manifest.version,
    source: fetched.source,
    signatures: fetched.signatures.flatMap((one) => ('text' in one ? [one.text] : [])),
    signedBy,
  });
  const isFirst = await store.createConsent(manifest.id, consentOf(manifest));
  const consent = await store.readConsent(manifest.id);
  const beyond = consent === undefined ? [] : asksBeyond(manifest, consent);
  report(record, { manifest, config, options, isFirst, beyond });
}

async function fetchOrFail(source: string, options: InstallOptions): Promise<FetchedPackage> {
  try {
    return await fetchPackage(source, {
      digest: options.sha256,
      signatures: options.signature,
      plainHttp: options.plainHttp,
      signal: AbortSignal.timeout(FETCH_MS),
    });
  } catch (error) {
    throw fetchFailure(error);
  }
}

/** What a command says when a package can't be fetched or pushed. */
export function fetchFailure(error: unknown): unknown {
  if (!(error instanceof OperationalError)) return error;
  const codes: Readonly<Record<string, number>> = {
    package_not_found: EXIT.notFound,
    package_usage: EXIT.usage,
  };
  return new CommandError(codes[error.code] ?? EXIT.failed, error.message);
}

/** The ids of the keys that have signed it. */
function judgeOrFail(
  { binary }: PackageFile,
  { manifest, fetched, config }: { manifest: Manifest; fetched: FetchedPackage; config: Config },
): string[] {
  const signatures = fetched.signatures.flatMap((one) => ('signature' in one ? [one.signature] : []));
  const judgement = judge({ id: manifest.id, content: binary, signatures }, trustPolicyOf(config.plugins));
  const unread = fetched.signatures.flatMap((one) =>
    'problem' in one ? [`${one.from}: ${one.problem}`] : [],
  );
  if (!judgement.trusted) throw cannot(manifest, [`it is not trusted: ${judgement.reason}`, ...unread]);
  for (const line of unread) printError(line);
  return judgement.signedBy.map(({ id }) => displayId(id));
}

async function refuseDowngrade(
  store: PackageStore,
  { manifest, options }: { manifest: Manifest; options: InstallOptions },
): Promise<void> {
  const versions = (await store.versions(manifest.id)).map(({ version }) => version);
  const highest = versions.at(-1);
  if (highest === undefined || options.allowDowngrade || versions.includes(manifest.version)) return;
  if (compareVersions(manifest.version, highest) >= 0) return;
  throw cannot(manifest, [
    `${highest} is installed, which is higher; --allow-downgrade installs it all the same`,
  ]);
}

const cannot = (manifest: Manifest, reasons: readonly string[]): CommandError =>
  new CommandError(
    EXIT.failed,
    reasons.map((reason) => `Cannot install ${formatPackageName(manifest)}: ${reason}`).join('\n'),
  );

function report(
  record: PackageRecord,
  outcome: {
    manifest: Manifest;
    config: Config;
    options: InstallOptions;
    isFirst: boolean;
    beyond: readonly string[];
  },
): void {
  const { manifest, config, options, isFirst, beyond } = outcome;
  const { id, version, digest, source, signedBy } = record;
  if (options.json) {
    return printJson({ id, version, digest, source, signedBy, isFirst, beyond });
  }
  printTable(
    ['PACKAGE', formatPackageName(record)],
    [
      ['title', manifest.title],
      ['description', manifest.description],
      ['digest', digest],
      ['source', source],
      ['signed by', signedBy.length === 0 ? 'nobody: unsigned packages are allowed' : signedBy.join(', ')],
      ...asksRows(manifest),
    ],
  );
  const consent = isFirst
    ? ['It is the first of its id: what it asks for counts as consented to.']
    : beyond.length === 0
      ? ['It asks for no more than was consented to.']
      : [
          'It asks for more than was consented to, so it does not run yet:',
          ...beyond.map((line) => `  ${line}`),
        ];
  for (const line of [...consent, ...nextStep(record, { config, options, beyond })]) printLine(line);
}

function nextStep(
  record: PackageRecord,
  { config, options, beyond }: { config: Config; options: InstallOptions; beyond: readonly string[] },
): string[] {
  const name = formatPackageName(record);
  const running = config.services.filter(({ plugin }) => parsePackageName(plugin)?.id === record.id);
  if (running.some(({ plugin }) => plugin === name)) return [`It is what the config names already.`];
  const consent = beyond.length === 0 ? '' : ' --consent';
  if (running.length > 0 || beyond.length > 0) {
    const names = running.map((service) => service.name).join(', ');
    const whose = names === '' ? '' : `, which ${names} would run then`;
    return [`Next: postern plugin upgrade ${name}${consent} -c ${options.config}${whose}`];
  }
  const service = record.id.split('/')[1]!;
  return [
    `Next: postern plugin enable ${name} --service ${service} --group GROUP -c ${options.config}`,
    `or put it into ${options.config}, and the service into a group:`,
    'services:',
    `  ${service}:`,
    `    plugin: ${name}`,
    '    mode: monitor',
  ];
}

function parseSha256(text: string): string {
  const hex = text.toLowerCase().replace(/^sha256:/, '');
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new InvalidArgumentError('It must be 64 hexadecimal digits.');
  return `sha256:${hex}`;
}
