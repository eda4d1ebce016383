import {
  Actions,
  ActionTexts,
  Check,
  configured,
  decide,
  Decision,
  Finding,
  foldCase,
  oneLine,
  Part,
  Scan,
  ScanVerdict,
  settings,
  uuencodedNames,
} from '../../sdk/assemblyscript';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Has each part of a message scanned for viruses, decoded, and does what RFC 4496 section 4.1 lists about those that hold one.
 * Settings: README.md.
 */
const SCAN: string[] = ['parts', 'message', 'both'];
/** Encodings that are undone before a part is scanned. */
const KNOWN: string[] = ['', '7bit', '8bit', 'binary', 'quoted-printable', 'base64'];
const UNSCANNED: string[] = ['quarantine', 'reject', 'tempfail', 'accept'];

export function configure(): i32 {
  const check = Check.settings(Actions.keys.concat(['scan', 'unscanned']));
  Actions.check(check);
  check.get('scan').oneOf(SCAN);
  check.get('unscanned').oneOf(UNSCANNED);
  return configured(check.problem);
}

export function on_message(): i32 {
  const decision = new Decision();
  const parts = Part.all();
  const found = new Findings();
  const scan = settings().get('scan').text('parts');
  if (scan != 'message') scanParts(parts, found);
  // Where readers may find other files than these parts, the scanner is to see for itself.
  if (scan != 'parts' || isObscure(parts)) scanMessage(parts[0], found);

  const actions = new Actions(settings(), texts());
  const isRefused = found.list.length > 0 && actions.does('reject');
  if (found.unscanned.length > 0 && !isRefused) unscanned(found.unscanned, decision);
  if (!isRefused) actions.edit(found.list, parts);
  if (found.list.length == 0) return decide(decision);

  const first = found.list[0];
  decision.reason(first.label + ': ' + first.reason).tag('virus', first.what);
  if (found.unscanned.length == 0 || isRefused) actions.decide(found.list, decision);
  actions.report(found.list);
  return decide(decision);
}

class Findings {
  list: Finding[] = [];
  /** The label of a part that the scanner would not take; '' if there is none. */
  unscanned: string = '';
}

function texts(): ActionTexts {
  const all = new ActionTexts();
  all.title = 'Virus found';
  all.replaceText = 'The attachment {name} was removed: {reason}.';
  all.subjectTag = '[virus removed]';
  all.warnText = 'A virus was found in this message: {name}: {reason}. Be careful with the rest of it.';
  all.header = 'X-Postern-Virus';
  all.event = 'virus-found';
  return all;
}

function scanParts(parts: Part[], found: Findings): void {
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    const holdsParts = i + 1 < parts.length && parts[i + 1].parent == i;
    if (part.size > 0 && isSealedBox(part, holdsParts)) found.unscanned = 'an encoded multipart';
    if (holdsParts || part.size == 0) continue;
    take(Scan.part(part), part, part.name, found);
  }
}

/** A multipart whose parts only those readers find that undo its encoding; scanners are not among them. */
function isSealedBox(part: Part, holdsParts: bool): bool {
  const encoding = foldCase(part.encoding);
  if (!part.type.startsWith('multipart/')) return false;
  return encoding == 'base64' || (encoding == 'quoted-printable' && !holdsParts);
}

function scanMessage(whole: Part, found: Findings): void {
  const verdict = Scan.message();
  // A virus that was found in a part already is not one more.
  if (verdict.name.length > 0 && found.list.length > 0) return;
  take(verdict, whole, 'the message', found);
}

function take(verdict: ScanVerdict, part: Part, name: string, found: Findings): void {
  if (verdict.isClean) return;
  if (verdict.name.length > 0) {
    const virus = oneLine(verdict.name);
    found.list.push(new Finding(part, name, 'the scanner found ' + virus, virus));
  } else if (verdict.error == 'LIMIT') {
    found.unscanned = name.length > 0 ? oneLine(name) : 'a part without a name';
  } else {
    // The operator's `onFailure` says what becomes of mail while the scanner is out of order.
    throw new Error('Cannot scan: the scanner gave no verdict: ' + verdict.error);
  }
}

function isObscure(parts: Part[]): bool {
  if (!parts[0].complete) return true;
  for (let i = 0; i < parts.length; i++) {
    if (parts[i].ambiguous || !KNOWN.includes(foldCase(parts[i].encoding))) return true;
    // Some readers show files that stand uuencoded in a text, and ClamAV looks for them in messages alone.
    if (parts[i].type.startsWith('text/') && uuencodedNames(parts[i]).length > 0) return true;
  }
  return false;
}

function unscanned(label: string, decision: Decision): void {
  const what = settings().get('unscanned').text('quarantine');
  const text = label + ' is more than the virus scanner takes';
  decision.reason(text).tag('virus', 'unscanned');
  if (what == 'quarantine') decision.quarantine();
  else if (what == 'reject') decision.reject(554, '5.7.1', 'Not accepted: ' + text);
  else if (what == 'tempfail') decision.tempfail(451, '4.7.1', 'Not accepted now: ' + text);
}
