import { Actions, ActionTexts, Finding } from './actions';
import { foldCase } from './address';
import { Check } from './check';
import { decide, Decision } from './decision';
import { Json, parseJson } from './json';
import { Message } from './message';
import { Part } from './part';
import { Secure, SecureAnswer, SecureLayer } from './secure';
import { checkRecipients, POLICIES, SecureRecipients } from './secure-recipients';
import { configured, settings } from './settings';
import { encodeUtf8 } from './utf8';

const KEYS: string[] = [
  'direction',
  'sign',
  'encrypt',
  'recipients',
  'without',
  'action',
  'subjectTag',
  'notify',
  'incident',
];

/** What is the same in a gateway for S/MIME and one for OpenPGP: the policy. Settings: the READMEs of these plugins. */
export class SecureGateway {
  /** `smime` or `openpgp`: also the name of the tag. */
  private format: string;
  /** As people know it. */
  private title: string;
  /** The field that says what became of the message. */
  private header: string;
  private secure: Secure;

  constructor(format: string, title: string, header: string) {
    this.format = format;
    this.title = title;
    this.header = header;
    this.secure = new Secure(format);
  }

  configure(): i32 {
    const check = Check.settings(this.format == 'smime' ? KEYS.concat(['cipher']) : KEYS);
    const direction = check.get('direction').required('required is outbound or inbound');
    direction.oneOf(['outbound', 'inbound']);
    check.get('sign').oneOf(POLICIES);
    check.get('encrypt').oneOf(POLICIES);
    check.get('without').oneOf(['bounce', 'reject']);
    check.get('cipher').oneOf(['aes-256-cbc', 'aes-256-gcm']);
    checkRecipients(check.get('recipients'));
    Actions.check(check);
    const action = check.get('action');
    const actions = action.value.texts();
    if (actions.includes('replace') || actions.includes('warn') || actions.includes('header')) {
      action.refuse('allowed are mark, quarantine, reject');
    }
    return configured(check.problem);
  }

  /** `on_message` */
  message(): i32 {
    return settings().get('direction').text() == 'outbound' ? this.outbound() : this.inbound();
  }

  private outbound(): i32 {
    const decision = new Decision();
    if (isSecureAlready()) return decide(decision.tag(this.format, 'untouched'));
    const found = this.done(this.secure.find());
    const sign = settings().get('sign').text('may');
    const signs = sign != 'never' && found.json.get('signs').bool();
    if (sign == 'must' && !signs) {
      return decide(
        decision.reject(554, '5.7.1', 'Mail of this sender must be signed, and there is no key for it'),
      );
    }
    const to = new SecureRecipients(found.json.get('recipients').texts());
    for (let i = 0; i < to.refused.length; i++) {
      const refused = decision.recipient(to.refused[i].address);
      if (settings().get('without').text('bounce') == 'bounce') refused.bounce();
      else
        refused.reject(
          554,
          '5.7.1',
          'It must be encrypted, and there is no ' + this.title + ' key for this recipient',
        );
    }
    if (to.refused.length > 0) decision.reason('there is no key for a recipient of what must be encrypted');
    if (!signs && to.encrypted.length == 0) return decide(decision);
    if (to.encrypted.length + to.plain.length == 0) return decide(decision);
    if (Secure.isTooLarge()) {
      return decide(decision.reject(552, '5.3.4', 'It is to be signed or encrypted, and ' + TOO_LARGE));
    }
    const cipher = settings().get('cipher').text('aes-256-cbc');
    this.done(this.secure.protect(signs, to.encrypted, cipher)).apply();
    const what = to.encrypted.length == 0 ? 'signed' : signs ? 'signed, encrypted' : 'encrypted';
    return decide(decision.tag(this.format, what));
  }

  private inbound(): i32 {
    const decision = new Decision();
    // Nobody but this gateway says what it found.
    Message.headerRemoveAll(this.header);
    const parts = Part.all();
    const findings: Finding[] = [];
    if (Secure.isTooLarge()) {
      if (!this.isOurs()) return decide(decision);
      Message.headerAdd(this.header, 'unchecked (' + TOO_LARGE + ')');
      decision.tag(this.format, 'unchecked');
      findings.push(new Finding(parts[0], 'the message', TOO_LARGE, 'unchecked'));
      return this.act(findings, decision);
    }
    const opened = this.done(this.secure.open());
    const layers = opened.layers;
    if (layers.length == 0) return decide(decision);
    if (opened.hasContent) opened.apply();
    Message.headerAdd(this.header, summaryOf(layers, true));
    decision.tag(this.format, summaryOf(layers, false));

    let isClosed = false;
    for (let i = 0; i < layers.length; i++) {
      const result = layers[i].result;
      if (result == 'good' || result == 'opened') continue;
      if (result == 'failed') isClosed = true;
      const reason = result == 'failed' ? 'it cannot be decrypted' : layers[i].reason;
      findings.push(new Finding(parts[0], 'the message', reason, layers[i].kind + '-' + result));
    }
    if (findings.length == 0) return decide(decision);
    return this.act(findings, decision, isClosed);
  }

  /** What the settings say of mail that does not verify, or can't be opened (`isClosed`). */
  private act(findings: Finding[], decision: Decision, isClosed: bool = false): i32 {
    const actions = this.actions();
    decision.reason(this.title + ': ' + findings[0].reason);
    // A reply that tells whether something could be decrypted would let strangers find out what is in it, try by try.
    if (isClosed && actions.does('reject')) decision.quarantine();
    else actions.decide(findings, decision);
    actions.label(findings, Part.all(), []);
    actions.report(findings);
    return decide(decision);
  }

  /** By what its header says: a signature or an encrypted content of this format. */
  private isOurs(): bool {
    const index = Message.headerFind('Content-Type');
    const type = index < 0 ? '' : foldCase(Message.headerValue(index));
    return type.includes(this.format == 'smime' ? 'pkcs7' : 'pgp');
  }

  private actions(): Actions {
    const texts = new ActionTexts();
    texts.title = this.title + ' check failed';
    texts.subjectTag = '[not verified]';
    texts.event = this.format + '-failed';
    return new Actions(settings(), texts, new Actions(DEFAULT, texts));
  }

  private done(answer: SecureAnswer): SecureAnswer {
    // The operator's `onFailure` says what becomes of mail then; it never goes on in clear for want of a key.
    if (answer.error.length > 0) throw new Error('Cannot use the keys of the host: ' + answer.error);
    return answer;
  }
}

const TOO_LARGE = 'it has more than 50 MiB';

const DEFAULT: Json = parseJson(encodeUtf8('{"action":["mark"]}'))!;

/** What its author has signed or encrypted already stays as it is. */
function isSecureAlready(): bool {
  const type = new Part(0).type;
  return (
    type == 'multipart/signed' ||
    type == 'multipart/encrypted' ||
    type == 'application/pkcs7-mime' ||
    type == 'application/x-pkcs7-mime'
  );
}

function summaryOf(layers: SecureLayer[], reasons: bool): string {
  const items: string[] = [];
  for (let i = 0; i < layers.length; i++) {
    const reason = reasons && layers[i].reason.length > 0 ? ' (' + layers[i].reason + ')' : '';
    items.push(layers[i].kind + '=' + layers[i].result + reason);
  }
  return items.join(reasons ? '; ' : ', ');
}
