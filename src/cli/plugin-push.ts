import type { Command } from 'commander';
import { pushPackage } from '../sandbox/oci.ts';
import { signaturesBeside } from '../sandbox/signature-files.ts';
import { CommandError, EXIT } from './exit.ts';
import { manifestOrFail, readPackage } from './package-file.ts';
import { fetchFailure } from './plugin-install.ts';

const PUSH_MS = 10 * 60_000;

/** `postern plugin push`: a vendor ships a package through a registry. */
export function addPushCommand(plugin: Command): void {
  plugin
    .command('push <file> <target>')
    .description('Upload a package and the signatures beside it to an OCI registry')
    .option('--plain-http', 'speak to a registry on another machine without TLS')
    .addHelpText(
      'after',
      `
TARGET is oci://registry/repository:tag. It prints the digest of the artifact, by which it can be installed whatever the tag becomes.
Registries are logged in to with what docker login keeps.

Exit codes: 0 uploaded; 1 the package is unfit or the registry did not take it; 2 wrong usage; 3 there is no such file.`,
    )
    .action(async (path: string, target: string, options: { plainHttp?: true }) => {
      const file = await readPackage(path);
      const { id, version, title } = manifestOrFail(file, 'push');
      const found = await signaturesBeside(path);
      const signatures = found.map((one) => {
        if ('text' in one) return one.text;
        throw new CommandError(EXIT.failed, `Cannot push ${one.from}: ${one.problem}`);
      });
      const annotations = {
        'org.opencontainers.image.title': title,
        'org.opencontainers.image.version': version,
      };
      const digest = await pushPackage(target, {
        content: { binary: file.binary, signatures, annotations },
        plainHttp: options.plainHttp,
        signal: AbortSignal.timeout(PUSH_MS),
      }).catch((error: unknown) => {
        throw fetchFailure(error);
      });
      const count = signatures.length === 1 ? '1 signature' : `${signatures.length} signatures`;
      process.stdout.write(`${target}: ${id} ${version}, ${count}\n${digest}\n`);
    });
}
