/** ESMTP parameters of MAIL or RCPT as given, names in upper case; a parameter without a value maps to ''. */
export type EsmtpParams = Readonly<Record<string, string>>;

/** The reverse-path of a transaction. */
export interface Sender {
  /** `local@domain` as the client gave it, '' for the null reverse-path `<>`. */
  readonly address: string;
  /** SIZE, BODY, SMTPUTF8, RET, ENVID … */
  readonly params: EsmtpParams;
}

/** One forward-path of a transaction. */
export interface Recipient {
  /** `local@domain` as the client gave it; `postmaster` alone is allowed (RFC 5321 section 4.5.1). */
  readonly address: string;
  /** NOTIFY, ORCPT … */
  readonly params: EsmtpParams;
  /** The folder of the mailbox that services advise for this message (RFC 4496 section 4.2). Clients can't say it. */
  readonly folder?: string;
}
