import { describeError } from '../base/errors.ts';
import { decodeXtext } from '../mail/xtext.ts';
import { asksToBypass, parseBypass } from '../mail/opes.ts';
import type { WhenSubject } from '../ocp/when.ts';
import type { ProxyOptions } from './options.ts';

/**
 * Which services a transaction's requests leave out (RFC 4902 section 3.2, RFC 3897 section 4), of those that may be bypassed:
 *
 * - in the dialog, by the parameter OPES-BYPASS of MAIL: for all recipients, from `mail` on;
 * - in the message, by its OPES-Bypass fields: for all recipients, at `message` and `report`;
 * - out of band, by a bypass that came with a release from the quarantine: for its sender and recipient, from `rcpt` on.
 *
 * The first two are honoured for those whom the operator lets ask. Each request is logged, honoured or not.
 */
export class Bypass {
  readonly #options: ProxyOptions;
  readonly #requester: WhenSubject;
  readonly #transaction: string;
  readonly #everyone = new Set<string>();
  readonly #recipients = new Map<string, ReadonlySet<string>>();

  constructor(about: { transaction: string; requester: WhenSubject; options: ProxyOptions }) {
    this.#options = about.options;
    this.#requester = about.requester;
    this.#transaction = about.transaction;
  }

  /** The value of OPES-BYPASS. False: the requester may not ask, and is to be told so. */
  inDialog(value: string): boolean {
    return this.#request('dialog', decodeXtext(value));
  }

  /** The text of the OPES-Bypass fields. One that is not honoured is ignored. */
  inMessage(text: string): void {
    this.#request('message', text);
  }

  /** Looks up what releases from the quarantine have left for this recipient, as the client gave it. */
  async forRecipient(recipient: string): Promise<void> {
    const { dispatcher, bypasses } = this.#options;
    const { sender = '' } = this.#requester;
    if (dispatcher === undefined || dispatcher.bypassable.length === 0 || sender === '') return;
    let found: readonly string[];
    try {
      found = await bypasses.findBypasses({ sender, recipient, now: Date.now() });
    } catch (error) {
      const fields = { transaction: this.#transaction, recipient, cause: describeError(error) };
      return this.#options.log.error(fields, 'bypasses could not be looked up, all services are asked');
    }
    const services = dispatcher.bypassable.filter((service) => found.includes(service));
    if (services.length === 0) return;
    this.#recipients.set(recipient, new Set(services));
    this.#log('bypass', { by: 'release', recipient, services });
  }

  /** A service has rewritten a recipient. */
  rewritten(before: string, after: string): void {
    const services = this.#recipients.get(before);
    if (services !== undefined) this.#recipients.set(after, services);
  }

  /** For `Question.isBypassed`. */
  readonly covers = (service: string, recipient: string | undefined): boolean => {
    if (this.#everyone.has(service)) return true;
    return recipient !== undefined && this.#recipients.get(recipient)?.has(service) === true;
  };

  #request(by: 'dialog' | 'message', text: string): boolean {
    const { dispatcher, opes } = this.#options;
    const asked = text.slice(0, 500);
    const refuse = (cause: string): void => this.#log('bypass refused', { by, asked, cause });
    const request = parseBypass(text);
    if (request === undefined) refuse('malformed');
    else if (!opes.requesters.includes(this.#requester)) refuse('the requester may not ask (opes.bypass)');
    else {
      const { system } = opes;
      const services = (dispatcher?.bypassable ?? []).filter((service) =>
        asksToBypass(request, { system, service }),
      );
      if (services.length === 0) refuse('it names no service that may be bypassed here');
      else this.#log('bypass', { by, asked, services });
      for (const service of services) this.#everyone.add(service);
      return true;
    }
    return false;
  }

  #log(message: string, fields: object): void {
    const { client, user, sender } = this.#requester;
    const requester = { client, ...(user !== undefined && { user }), sender };
    this.#options.log.info({ transaction: this.#transaction, ...requester, ...fields }, message);
  }
}
