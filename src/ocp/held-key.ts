/**
 * A private key that the host holds for plugins: they name it in requests of the capability `key`, and never see it. What it may be used
 * for is said here, by the operator, and not by who asks: a plugin that signs can't sign for another domain.
 */
export type HeldKey = DkimKey;

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
