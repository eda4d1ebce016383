import {
  Check,
  configured,
  decide,
  Decision,
  facts,
  Http,
  Json,
  JsonObject,
  log,
  parseJson,
  settings,
} from '../../sdk/assemblyscript';
import { changeHeader, markOrRewrite } from './edits';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/** Asks an rspamd what it makes of a message, and does what that says (RFC 4496 section 4.2). Settings: README.md. */
const REJECT: string[] = ['reject', 'quarantine', 'bounce', 'discard'];
const SOFT: string[] = ['tempfail', 'accept'];

export function configure(): i32 {
  const check = Check.settings(['url', 'onReject', 'onSoftReject', 'subjectTag', 'folder', 'header']);
  check.get('url').required('allowed is an origin such as http://127.0.0.1:11333').text(500);
  const url = check.get('url').value.text();
  if (!url.startsWith('http://') && !url.startsWith('https://')) {
    check.get('url').refuse('allowed is an origin such as http://127.0.0.1:11333');
  }
  check.get('onReject').oneOf(REJECT);
  check.get('onSoftReject').oneOf(SOFT);
  check.get('subjectTag').text(100);
  check.get('folder').text(200);
  check.get('header').bool();
  return configured(check.problem);
}

export function on_message(): i32 {
  const url = settings().get('url').text();
  const response = Http.postMessage(
    (url.endsWith('/') ? url.substring(0, url.length - 1) : url) + '/checkv2',
    envelope(),
  );
  const answer = response.status == 200 ? parseJson(response.body) : null;
  if (answer === null || !answer.get('action').isText) {
    // The operator's `onFailure` says what becomes of mail while rspamd is out of order.
    throw new Error(
      'Cannot ask rspamd: ' +
        (response.error == '' ? 'status ' + response.status.toString() : response.error),
    );
  }
  const decision = new Decision();
  act(answer, decision);
  return decide(decision);
}

/** What rspamd wants to know of the dialog (its protocol's request headers). */
function envelope(): JsonObject {
  const fields = new JsonObject();
  const about = facts();
  fields.text('IP', about.clientAddress);
  if (isValue(about.helo)) fields.text('Helo', about.helo);
  if (isValue('<' + about.senderNormal + '>')) fields.text('From', '<' + about.senderNormal + '>');
  const recipients: string[] = [];
  for (let i = 0; i < about.recipients.length; i++) {
    const address = about.recipients[i].normal;
    if (isValue(address) && !address.includes(',')) recipients.push(address);
    // One value of a header field has room for so many.
    if (recipients.length == 20) break;
  }
  // A field of this name for each of them can't be said, and rspamd takes a list with commas.
  if (recipients.length > 0) fields.text('Rcpt', recipients.join(','));
  if (isValue(about.user)) fields.text('User', about.user);
  fields.text('Queue-Id', about.transaction);
  return fields;
}

/** Printable ASCII, which a header field of HTTP can have. */
function isValue(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 0x20 || text.charCodeAt(i) > 0x7e) return false;
  }
  return text.length > 0 && text.length < 1000;
}

function act(answer: Json, decision: Decision): void {
  const action = answer.get('action').text();
  const score = answer.get('score').number();
  const isSpam = action == 'reject' || action == 'add header' || action == 'rewrite subject';
  decision.tag('rspamd', action).tag('spam', isSpam ? 'yes' : 'no');
  if (score != 0) decision.score(score);
  const said = answer.get('messages').get('smtp_message').text();
  const names = symbolsOf(answer);
  const points = answer.get('score').raw + ' points';
  if (action != 'no action')
    decision.reason('rspamd: ' + action + ', ' + points + (names == '' ? '' : ': ' + names));
  if (action == 'reject') {
    const wish = settings().get('onReject').text('reject');
    if (wish == 'reject')
      decision.reject(550, '5.7.1', said == '' ? 'This looks like spam, and is not accepted' : said);
    else if (wish == 'quarantine') decision.quarantine();
    else if (wish == 'bounce') decision.bounce();
    else decision.discard();
    return;
  }
  if (action == 'soft reject' || action == 'greylist') {
    if (settings().get('onSoftReject').text('tempfail') == 'tempfail') {
      decision.tempfail(451, '4.7.1', said == '' ? 'Try again later' : said);
      return;
    }
  } else if (action != 'no action' && !isSpam)
    log.warn('rspamd says ' + action + ', which is not known here');
  if (isSpam) decision.folder(settings().get('folder').text('Junk'));
  if (!settings().get('header').bool(true)) return;
  changeHeader(answer.get('milter'));
  markOrRewrite(action, answer);
}

/** The names of what rspamd found, those that count. */
function symbolsOf(answer: Json): string {
  const symbols = answer.get('symbols');
  const names: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols.at(i).get('score').number() != 0) names.push(symbols.nameAt(i));
  }
  return names.join(',');
}
