import { Decision, markSubject, Message, settings } from '../../sdk/assemblyscript';
import { decimal, Tally } from './tally';

/** What can be done about a message, each from so many points on. */
export const ACTIONS: string[] = ['mark', 'folder', 'quarantine', 'bounce', 'reject'];
const HEADERS: string[] = ['X-Spam-Flag', 'X-Spam-Score', 'X-Spam-Status'];

/** Of RFC 4496 section 4.2: refuse it, return it, hold it, or let it through with a mark, a header, a folder. True if it is held. */
export function act(tally: Tally, decision: Decision): bool {
  const isSpam = tally.total >= settings().get('spamAt').number(5);
  decision.tag('spam', isSpam ? 'yes' : 'no');
  const tests = tally.tests.length == 0 ? 'none' : tally.tests.join(',');
  if (isSpam) decision.reason('spam: ' + decimal(tally.total) + ' points: ' + tests);
  if (does('reject', tally)) {
    const text = settings().get('rejectText').text('This looks like spam, and is not accepted');
    decision.reject(550, '5.7.1', text);
    return false;
  }
  const isHeld = !does('bounce', tally) && does('quarantine', tally);
  if (isHeld) decision.quarantine();
  else if (does('bounce', tally)) decision.bounce();
  if (does('folder', tally)) decision.folder(settings().get('folder').text('Junk'));
  if (does('mark', tally)) markSubject(settings().get('subjectTag').text('[SPAM]'));
  if (settings().get('header').bool()) addHeader(isSpam, decimal(tally.total), tests);
  return isHeld;
}

function does(action: string, tally: Tally): bool {
  const actions = settings().get('actions');
  if (actions.isMissing) return action == 'folder' && tally.total >= 5;
  const from = actions.get(action);
  return !from.isMissing && tally.total >= from.number();
}

/** What claims to be ours and came from outside goes. */
function addHeader(isSpam: bool, points: string, tests: string): void {
  for (let i = 0; i < HEADERS.length; i++) Message.headerRemoveAll(HEADERS[i]);
  const required = decimal(settings().get('spamAt').number(5));
  if (isSpam) Message.headerAdd('X-Spam-Flag', 'YES');
  Message.headerAdd('X-Spam-Score', points);
  const word = isSpam ? 'Yes' : 'No';
  Message.headerAdd(
    'X-Spam-Status',
    word + ', score=' + points + ' required=' + required + ' tests=' + tests,
  );
}
