import { InvalidArgumentError, type Command } from 'commander';
import { vendorOf } from '../ocp/package-name.ts';
import { parsePublicKey, type PublicKey } from '../sandbox/minisign.ts';
import { readSignature, signaturesBeside } from '../sandbox/signature-files.ts';
import { judge, type TrustPolicy } from '../sandbox/trust.ts';
import { loadOrFail } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { manifestOrFail, readPackage } from './package-file.ts';
import { readText } from './plugin-sign.ts';
import { trustPolicyOf } from './trust-policy.ts';
import { printError } from './output.ts';

interface VerifyOptions {
  readonly key?: string[];
  readonly config?: string;
  readonly threshold?: number;
  readonly vendor?: string;
  readonly signature?: string[];
}

/** `postern plugin verify`: whether a package would be trusted, by keys that are given or by a config. */
export function addVerifyCommand(plugin: Command): void {
  plugin
    .command('verify <file>')
    .description('Judge a package by its signatures, with keys that are given or as a config would')
    .option(
      '-k, --key <public>',
      'a public key: RW…, or the path of a .pub file; may be given again',
      collect,
    )
    .option('-c, --config <file>', 'judge as this configuration does: plugins.trust, revoked, allowUnsigned')
    .option(
      '--threshold <n>',
      'with --key: so many of the keys must have signed (default: 1)',
      parseThreshold,
    )
    .option('--vendor <name>', 'with --key: whose keys these are (default: whomever the package names)')
    .option(
      '--signature <file>',
      'a signature elsewhere, not beside the package; may be given again',
      collect,
    )
    .addHelpText(
      'after',
      `
Signatures are looked for beside the package: FILE.minisig, FILE.*.minisig.

Exit codes: 0 it is trusted; 1 it is not; 2 wrong usage or a config that does not check; 3 there is no such file.`,
    )
    .action(verify);
}

async function verify(path: string, options: VerifyOptions): Promise<void> {
  const file = await readPackage(path);
  const { id, version } = manifestOrFail(file, 'verify');
  const policy = await policyOf(options, id);
  const found =
    options.signature === undefined
      ? await signaturesBeside(path)
      : await Promise.all(options.signature.map(readSignature));
  for (const one of found) {
    if ('problem' in one) printError(`${one.from}: ${one.problem}`);
  }
  const signatures = found.flatMap((one) => ('signature' in one ? [one.signature] : []));
  const judgement = judge({ id, content: file.binary, signatures }, policy);
  const line = `${path}: ${id} ${version}: ${judgement.reason}`;
  if (!judgement.trusted) throw new CommandError(EXIT.failed, line);
  process.stdout.write(`${line}\n`);
}

async function policyOf(options: VerifyOptions, id: string): Promise<TrustPolicy> {
  const { key, config, threshold, vendor } = options;
  if (config !== undefined) {
    if (key !== undefined || threshold !== undefined || vendor !== undefined)
      throw new CommandError(
        EXIT.usage,
        'Cannot verify: --config says whose keys count, so --key, --threshold and --vendor have no place',
      );
    return trustPolicyOf(loadOrFail(config).config.plugins);
  }
  if (key === undefined)
    throw new CommandError(EXIT.usage, 'Cannot verify without a policy: must have --key or --config');
  const keys = await Promise.all(key.map(publicKeyFrom));
  return {
    vendors: new Map([[vendor ?? vendorOf(id), { keys, threshold: threshold ?? 1 }]]),
    revoked: { keys: [], packages: [] },
    allowUnsigned: false,
  };
}

async function publicKeyFrom(given: string): Promise<PublicKey> {
  return parsePublicKey(/^RW[A-Za-z0-9+/]{54}$/.test(given) ? given : await readText(given));
}

/** Not commander's own lists: these would take FILE too where it comes last. */
export const collect = (given: string, before: readonly string[] = []): string[] => [...before, given];

function parseThreshold(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}
