/**
 * A key that the host holds for plugins: they name it, or what it is for, in requests of the capability `key`, and never see it. What it
 * may be used for is said here, by the operator, and not by who asks: a plugin that signs can't sign for another domain.
 */
export type HeldKey = DkimKey | SmimeKey | SmimePartners | OpenpgpKey | OpenpgpPartners;

/** Signs mail of one domain: DKIM (RFC 6376, RFC 8463) and, if it is an RSA key, ARC (RFC 8617). */
export interface DkimKey {
  readonly type: 'dkim';
  readonly name: string;
  /** PEM. Read for each operation, so that it can be replaced under the running server. */
  readonly file: string;
  /** `d=`, in lower case and A-labels. */
  readonly domain: string;
  /** `s=`: the public key is at `<selector>._domainkey.<domain>`. */
  readonly selector: string;
}

/** Signs mail from, and decrypts mail to, some addresses: S/MIME (RFC 8551). */
export interface SmimeKey {
  readonly type: 'smime';
  readonly name: string;
  /** PEM, read for each operation, as are all files of these keys. */
  readonly file: string;
  /** PEM: the certificate of the key, then those between it and the authority. */
  readonly certificate: string;
  /** Whose mail: addresses in normal form, and domains. */
  readonly addresses: readonly string[];
}

/** Whose S/MIME signatures are believed, and to whom can be encrypted. */
export interface SmimePartners {
  readonly type: 'smime-partners';
  readonly name: string;
  /** PEM: certificates of authorities. */
  readonly authorities: string;
  /** PEM: revocation lists of authorities. */
  readonly revocations?: string;
  /** A directory of certificates: `bob@example.org.pem` for an address, `example.org.pem` for all of a domain. */
  readonly directory: string;
}

/** The same for OpenPGP (RFC 9580, RFC 3156). */
export interface OpenpgpKey {
  readonly type: 'openpgp';
  readonly name: string;
  /** The secret key, armored, without a passphrase. */
  readonly file: string;
  readonly addresses: readonly string[];
}

export interface OpenpgpPartners {
  readonly type: 'openpgp-partners';
  readonly name: string;
  /** A directory of public keys: `bob@example.org.asc` for an address, `example.org.asc` for all of a domain. */
  readonly directory: string;
}
