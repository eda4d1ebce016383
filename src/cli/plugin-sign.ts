import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { describeError } from '../base/errors.ts';
import { formatSecretKey, generateKey, needsPassword, parseSecretKey } from '../sandbox/minisign-secret.ts';
import {
  displayId,
  encodePublicKey,
  formatPublicKey,
  formatSignature,
  sign,
  type PublicKey,
} from '../sandbox/minisign.ts';
import { CommandError, EXIT } from './exit.ts';
import { readSignature } from '../sandbox/signature-files.ts';
import { manifestOrFail, readPackage } from './package-file.ts';
import { readSecret } from './secret.ts';

/** `postern plugin keygen` and `sign`, in the format of minisign. */
export function addSignCommands(plugin: Command): void {
  plugin
    .command('keygen')
    .description('Make a key pair to sign packages with: NAME.key, to be kept secret, and NAME.pub')
    .option('-o, --output <name>', 'where to, without the ending', 'postern-plugin')
    .option('--no-password', 'do not encrypt the secret key: whoever reads the file can sign')
    .addHelpText('after', `\nThe password comes by standard input. minisign reads both files.`)
    .action(keygen);

  plugin
    .command('sign <file>')
    .description('Sign a package; the signature goes to FILE.minisig')
    .requiredOption(
      '-k, --key <secret>',
      'the file of the secret key, of postern plugin keygen or minisign -G',
    )
    .option('-o, --output <file>', 'where to, if not FILE.minisig')
    .option(
      '--comment <text>',
      'the trusted comment, which the signature covers (default: time and file name)',
    )
    .addHelpText(
      'after',
      `
The password of the key, if it has one, comes by standard input. Where FILE.minisig is of another key, the signature goes to
FILE.<KEY ID>.minisig beside it, so that several can sign one package.`,
    )
    .action(signFile);
}

async function keygen(options: { output: string; password: boolean }): Promise<void> {
  const password = options.password ? await readSecret('Password of the new key: ') : '';
  if (options.password && password === '') {
    throw new CommandError(
      EXIT.usage,
      'Cannot make a key: no password was given; --no-password does without',
    );
  }
  const key = generateKey();
  const [secret, open] = [`${options.output}.key`, `${options.output}.pub`];
  if (existsSync(open)) throw new CommandError(EXIT.failed, `Cannot write ${open}: it is there already`);
  await write(secret, { content: await formatSecretKey(key, { password }), mode: 0o600, flag: 'wx' });
  await write(open, { content: formatPublicKey(key.publicKey), mode: 0o644, flag: 'wx' });
  process.stdout.write(`${secret}: keep it secret\n${open}: ${encodePublicKey(key.publicKey)}\n`);
}

async function signFile(
  path: string,
  options: { key: string; output?: string; comment?: string },
): Promise<void> {
  const file = await readPackage(path);
  const { id, version } = manifestOrFail(file, 'sign');
  const text = await readText(options.key);
  const password = needsPassword(text) ? await readSecret(`Password of ${options.key}: `) : '';
  const key = await parseSecretKey(text, password);
  const trustedComment =
    options.comment ?? `timestamp:${Math.floor(Date.now() / 1000)}\tfile:${basename(path)}\thashed`;
  const target = options.output ?? (await freeTarget(path, key.publicKey));
  const content = formatSignature(sign(file.binary, { key, trustedComment }));
  await write(target, { content, mode: 0o644, flag: 'w' });
  process.stdout.write(`${target}: ${id} ${version}, signed by ${displayId(key.publicKey.id)}\n`);
}

async function freeTarget(path: string, key: PublicKey): Promise<string> {
  const usual = `${path}.minisig`;
  if (!existsSync(usual)) return usual;
  const found = await readSignature(usual);
  const isOthers = 'signature' in found && found.signature.keyId !== key.id;
  return isOthers ? `${path}.${displayId(key.id)}.minisig` : usual;
}

/** The text of a file, or the end of the command with exit code 3. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    throw new CommandError(EXIT.notFound, `Cannot read ${path}: ${describeError(thrown)}`);
  }
}

async function write(path: string, options: { content: string; mode: number; flag: string }): Promise<void> {
  const { content, mode, flag } = options;
  try {
    await writeFile(path, content, { mode, flag });
  } catch (thrown) {
    throw new CommandError(EXIT.failed, `Cannot write ${path}: ${describeError(thrown)}`);
  }
}
