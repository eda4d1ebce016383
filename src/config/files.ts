import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { describeError } from '../base/errors.ts';
import { readDkimKey } from '../mail/dkim/private-key.ts';
import type { HeldKey, SmimeKey } from '../ocp/held-key.ts';
import type { Config } from './config.ts';
import type { Finding } from './issues.ts';
import { quote, type KeyPath } from './problem.ts';

/**
 * The files that the config names. Certificates must be there and fit; a password file and a table may come later. Plugins are the
 * sandbox's to find and to check. Directories that Postern makes need not be there, but nothing else may be in their way.
 */
export function fileFindings(config: Config): { problems: Finding[]; warnings: Finding[] } {
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  for (const { name, tls, auth } of config.listeners) {
    if (tls !== undefined) problems.push(...tlsFindings(['listeners', name, 'tls'], tls));
    if (auth !== undefined) {
      const { missing, finding } = read(['listeners', name, 'auth', 'file'], auth.file);
      if (missing === true)
        warnings.push(
          comesLater(finding, 'nobody can log in; make it of the lines that postern hash-password prints'),
        );
      else if (finding !== undefined) problems.push(finding);
    }
  }
  if (config.web?.tls !== undefined) problems.push(...tlsFindings(['web', 'tls'], config.web.tls));
  problems.push(...directoryFindings(['stateDir'], config.stateDir));
  for (const { name, enabled, grants } of config.services) {
    for (const [i, { file }] of (enabled ? (grants.http?.secrets ?? []) : []).entries()) {
      const path = ['services', name, 'grants', 'http', 'secrets', i, 'file'];
      const { finding } = read(path, file);
      if (finding !== undefined) problems.push(finding);
    }
  }
  for (const { name, secretKeyFile } of config.blobStores) {
    const { finding } = read(['blobStores', name, 'secretKeyFile'], secretKeyFile);
    if (finding !== undefined) problems.push(finding);
  }
  const { syslog, file, webhook } = config.incidents;
  if (webhook?.secret !== undefined) {
    const { finding } = read(['incidents', 'webhook', 'secret'], webhook.secret);
    if (finding !== undefined) problems.push(finding);
  }
  if (syslog?.protocol === 'tls' && syslog.ca !== undefined)
    problems.push(...authorityFindings(['incidents', 'syslog', 'ca'], syslog.ca));
  if (file !== undefined && !existsSync(dirname(file.path))) {
    const message = `found ${quote(file.path)}, but there is no such directory`;
    problems.push({ path: ['incidents', 'file', 'path'], at: 'value', message });
  }
  for (const downstream of config.downstreams) {
    if (downstream.protocol === 'maildir')
      problems.push(...directoryFindings(['downstreams', downstream.name, 'path'], downstream.path));
    if (downstream.protocol !== 'maildir' && downstream.ca !== undefined) {
      problems.push(...authorityFindings(['downstreams', downstream.name, 'ca'], downstream.ca));
    }
  }
  for (const directory of config.directories) {
    if (directory.type !== 'ldap') {
      const path = ['directories', directory.name, 'file'];
      if (!existsSync(directory.file))
        warnings.push(
          comesLater({ path, at: 'value', message: notThere(directory.file) }, 'look-ups in it fail'),
        );
      continue;
    }
    const { name, ca, bind } = directory;
    if (ca !== undefined) problems.push(...authorityFindings(['directories', name, 'ca'], ca));
    if (bind === undefined) continue;
    const { finding } = read(['directories', name, 'bind', 'passwordFile'], bind.passwordFile);
    if (finding !== undefined) problems.push(finding);
  }
  for (const key of config.keys) problems.push(...keyFindings(['keys', key.name], key));
  return { problems, warnings };
}

function keyFindings(path: KeyPath, key: HeldKey): Finding[] {
  switch (key.type) {
    case 'dkim':
      return secretFindings([...path, 'file'], key.file, (text) => faultOf(readDkimKey(text)));
    case 'smime':
      return smimeFindings(path, key);
    case 'openpgp':
      return secretFindings([...path, 'file'], key.file, openpgpFault);
    case 'smime-partners':
      return [
        ...authorityFindings([...path, 'authorities'], key.authorities),
        ...(key.revocations === undefined
          ? []
          : [read([...path, 'revocations'], key.revocations).finding ?? []].flat()),
        ...listFindings([...path, 'directory'], key.directory),
      ];
    case 'openpgp-partners':
      return listFindings([...path, 'directory'], key.directory);
  }
}

const faultOf = (key: object): string | undefined =>
  'fault' in key && typeof key.fault === 'string' ? key.fault : undefined;

/** Whether it can be used without a passphrase shows when it is used: that takes its library, which is large. */
const openpgpFault = (text: string): string | undefined =>
  text.includes('-----BEGIN PGP PRIVATE KEY BLOCK-----')
    ? undefined
    : 'must be an armored OpenPGP secret key';

function smimeFindings(path: KeyPath, key: SmimeKey): Finding[] {
  const certificate = authorityFindings([...path, 'certificate'], key.certificate);
  const secret = secretFindings([...path, 'file'], key.file, (text) => {
    let secretKey: KeyObject;
    try {
      secretKey = createPrivateKey(text);
    } catch {
      return 'must be a private key in PEM, not encrypted';
    }
    if (certificate.length > 0) return undefined;
    const fits = new X509Certificate(readFileSync(key.certificate)).checkPrivateKey(secretKey);
    return fits ? undefined : `must be the key of the first certificate in ${quote(key.certificate)}`;
  });
  return [...secret, ...certificate];
}

/** A directory that an operator fills. */
function listFindings(path: KeyPath, directory: string): Finding[] {
  try {
    readdirSync(directory);
    return [];
  } catch (error) {
    const message = `cannot read the directory ${quote(directory)}: ${describeError(error)}`;
    return [{ path, at: 'value', message }];
  }
}

function secretFindings(
  path: KeyPath,
  file: string,
  faultIn: (text: string) => string | undefined,
): Finding[] {
  const { text, finding } = read(path, file);
  if (finding !== undefined) return [finding];
  // What others can read is no private key.
  const others = statSync(file).mode & 0o077;
  if (others !== 0) {
    const message = `found ${quote(file)}, which others than its owner may read or write, must have mode 0600`;
    return [{ path, at: 'value', message }];
  }
  const fault = faultIn(text);
  return fault === undefined ? [] : [{ path, at: 'value', message: `found ${quote(file)}, ${fault}` }];
}

/** What keeps a directory from being there or being made. Whether it may be written to is for the user who runs Postern to find. */
function directoryFindings(path: KeyPath, directory: string): Finding[] {
  for (let place = directory; ; place = dirname(place)) {
    let found: string;
    try {
      if (statSync(place).isDirectory()) return [];
      found = 'is no directory';
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      // ENOTDIR: what is in the way is further up.
      if ((code === 'ENOENT' || code === 'ENOTDIR') && place !== dirname(place)) continue;
      if (code === 'EACCES') return [];
      found = `cannot be used: ${describeError(error)}`;
    }
    const where = place === directory ? 'which' : `but ${quote(place)}`;
    return [{ path, at: 'value', message: `found ${quote(directory)}, ${where} ${found}` }];
  }
}

function tlsFindings(path: KeyPath, files: { cert: string; key: string }): Finding[] {
  const cert = read([...path, 'cert'], files.cert);
  const key = read([...path, 'key'], files.key);
  const unread = [cert.finding, key.finding].filter((finding) => finding !== undefined);
  if (cert.text === undefined || key.text === undefined) return unread;
  try {
    createSecureContext({ cert: cert.text, key: key.text });
    return [];
  } catch (error) {
    const message = `cannot be used, must be a certificate and its key in PEM: ${describeError(error)}`;
    return [{ path, at: 'key', message }];
  }
}

function authorityFindings(path: KeyPath, file: string): Finding[] {
  const { text, finding } = read(path, file);
  if (finding !== undefined) return [finding];
  // TLS itself would pass over a file without a certificate, and then trust nobody.
  if (isCertificate(text)) return [];
  return [{ path, at: 'value', message: `found ${quote(file)}, must be a file with certificates in PEM` }];
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).subject !== '';
  } catch {
    return false;
  }
}

const notThere = (file: string): string => `found ${quote(file)}, which does not exist`;

/** Not there yet, and what that means until it is. */
const comesLater = (finding: Finding, meanwhile: string): Finding => ({
  ...finding,
  message: `${finding.message}: until it does, ${meanwhile}`,
});

type Read =
  | { readonly text: string; readonly finding?: undefined; readonly missing?: undefined }
  | { readonly text?: undefined; readonly finding: Finding; readonly missing: boolean };

function read(path: KeyPath, file: string): Read {
  try {
    return { text: readFileSync(file, 'utf8') };
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const message = missing ? notThere(file) : `cannot read ${quote(file)}: ${describeError(error)}`;
    return { missing, finding: { path, at: 'value', message } };
  }
}
