import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What openssl(1) prints; throws if it fails. */
export const openssl = (words: readonly string[], input: string | Uint8Array = ''): Buffer =>
  execFileSync('/usr/bin/openssl', [...words], { input, timeout: 60_000, maxBuffer: 2 ** 28, stdio: 'pipe' });

/** An authority with what it issues, by openssl(1), in a directory that must not be there yet. */
export class Authority {
  readonly directory: string;
  readonly certificate: string;

  constructor(directory: string, name = 'Test CA') {
    this.directory = directory;
    this.certificate = this.at('ca.pem');
    mkdirSync(this.at('new'), { recursive: true });
    writeFileSync(this.at('index.txt'), '');
    writeFileSync(this.at('serial'), '1000\n');
    writeFileSync(this.at('crlnumber'), '01\n');
    writeFileSync(
      this.at('ca.conf'),
      `[ca]
default_ca = own
[own]
database = ${this.at('index.txt')}
serial = ${this.at('serial')}
crlnumber = ${this.at('crlnumber')}
new_certs_dir = ${this.at('new')}
certificate = ${this.certificate}
private_key = ${this.at('ca.key')}
default_md = sha256
default_days = 365
default_crl_days = 30
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = dn
[dn]
[top]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
`,
    );
    const config = ['-config', this.at('ca.conf'), '-extensions', 'top'];
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', this.at('ca.key')];
    openssl([
      'req',
      '-x509',
      ...key,
      '-subj',
      `/CN=${name}`,
      '-days',
      '3650',
      '-out',
      this.certificate,
      ...config,
    ]);
  }

  at(name: string): string {
    return join(this.directory, name);
  }

  /** A key and its certificate, `NAME.key` and `NAME.pem`: of a person who has mail, or of a server. */
  issue(
    name: string,
    options: ({ email: string } | { host: string }) & { ec?: boolean; expired?: boolean; usage?: string },
  ): { key: string; certificate: string } {
    const {
      ec = false,
      expired = false,
      usage = 'digitalSignature, keyEncipherment, keyAgreement',
    } = options;
    const [key, certificate, request, extensions] = ['key', 'pem', 'csr', 'ext'].map((end) =>
      this.at(`${name}.${end}`),
    );
    const kind = ec ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-newkey', 'rsa:2048'];
    openssl(['req', ...kind, '-nodes', '-keyout', key!, '-subj', `/CN=${name}`, '-out', request!]);
    chmodSync(key!, 0o600);
    const [of, purpose] =
      'host' in options
        ? [`DNS:${options.host}`, 'serverAuth']
        : [`email:${options.email}`, 'emailProtection'];
    writeFileSync(
      extensions!,
      `subjectAltName = ${of}\nkeyUsage = critical, ${usage}\nextendedKeyUsage = ${purpose}\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\nbasicConstraints = CA:FALSE\n`,
    );
    const time = expired ? ['-startdate', '20200101000000Z', '-enddate', '20210101000000Z'] : [];
    const files = ['-in', request!, '-out', certificate!, '-extfile', extensions!];
    openssl(['ca', '-batch', '-notext', '-config', this.at('ca.conf'), ...files, ...time]);
    return { key: key!, certificate: certificate! };
  }

  /** A list of those that are revoked, with these. */
  revoke(...certificates: readonly string[]): string {
    const config = ['-config', this.at('ca.conf')];
    for (const one of certificates) openssl(['ca', ...config, '-revoke', one]);
    openssl(['ca', ...config, '-gencrl', '-out', this.at('crl.pem')]);
    return this.at('crl.pem');
  }
}

/** A signed message with what nobody signed put into it, and what is to be said of each. */
export function additions(
  text: string,
  { boundary, signature }: { boundary: string; signature: string },
): [message: string, reason: string][] {
  const delimiter = `\r\n--${boundary}`;
  const first = text.indexOf(delimiter);
  const last = text.lastIndexOf(delimiter);
  const second = text.lastIndexOf(delimiter, last - 1);
  const put = (at: number, added: string): string => text.slice(0, at) + added + text.slice(at);
  const more = '\r\nContent-Type: text/html\r\n\r\n<b>More</b>';
  const parts = 'it has other parts than what is signed and the signature';
  const several = 'it can be taken apart in several ways';
  const before = 'something stands before what is signed';
  const behind = 'something stands behind the signature';
  return [
    [put(first, delimiter + more), parts],
    [put(second, delimiter + more), parts],
    [put(last, delimiter + more), parts],
    [put(first, `${delimiter}x${more}`), several],
    [put(second, `${delimiter}x${more}`), several],
    [put(last, `${delimiter} ;x${more}`), several],
    [put(first, '\r\n<b>More</b>'), before],
    [put(first, '\r\n--b\r\n\r\nMore'), before],
    [put(first, '\r\nMore and more'.repeat(100)), before],
    [`${text.trimEnd()}\r\nMore\r\n`, behind],
    [text.trimEnd() + delimiter + more, behind],
    [text.slice(0, last), 'its end is missing'],
    [text.replace(`Content-Type: ${signature}`, 'Content-Type: text/html'), 'the signature cannot be read'],
    [
      text.replace(`Content-Type: ${signature}`, `Content-Type: text/html\r\nContent-Type: ${signature}`),
      several,
    ],
  ];
}

/** A keyring of GnuPG in a directory of its own. End it. */
export class Keyring {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  run(words: readonly string[], input: string | Uint8Array = ''): Buffer {
    const common = ['--homedir', this.directory, '--batch', '--yes', '--quiet', '--trust-model', 'always'];
    return execFileSync('/usr/bin/gpg', [...common, ...words], {
      input,
      timeout: 60_000,
      maxBuffer: 2 ** 28,
      stdio: 'pipe',
    });
  }

  /** A key that signs and encrypts. */
  make(email: string, kind = 'future-default'): void {
    this.run(['--passphrase', '', '--quick-gen-key', `Test <${email}>`, kind, 'default', 'never']);
  }

  publicKey(email: string): string {
    return this.run(['--armor', '--export', email]).toString('latin1');
  }

  secretKey(email: string): string {
    return this.run(['--armor', '--export-secret-keys', email]).toString('latin1');
  }

  import(armored: string): void {
    this.run(['--import'], armored);
  }

  /** By the certificate that GnuPG made with the key. */
  revoke(email: string): void {
    const listed = this.run(['--with-colons', '--list-keys', email]).toString();
    const [, fingerprint = ''] = /^fpr:+([0-9A-F]+):/m.exec(listed) ?? [];
    const file = join(this.directory, 'openpgp-revocs.d', `${fingerprint}.rev`);
    this.import(readFileSync(file, 'latin1').replace(/^:-----BEGIN/m, '-----BEGIN'));
  }

  /** Ends its agent. */
  end(): void {
    execFileSync('/usr/bin/gpgconf', ['--homedir', this.directory, '--kill', 'all'], { stdio: 'pipe' });
  }
}
