import {
  Auth,
  AuthResults,
  Check,
  configured,
  decide,
  Decision,
  facts,
  foldCase,
  log,
  Message,
  settings,
  Signing,
} from '../../sdk/assemblyscript';
import { isAuthservId, isInNameOf } from './authserv-id';
import { saysResult } from './method-result';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Where mail comes from (RFC 4496 section 4.5): has SPF, DKIM, ARC and DMARC checked, writes Authentication-Results (RFC 8601), acts on what
 * was found, and seals what is handed on. Settings: README.md.
 */
const ACTIONS: string[] = ['none', 'quarantine', 'reject'];

export function configure(): i32 {
  const check = Check.settings([
    'authservId',
    'onDmarcFail',
    'onSpfFail',
    'onNoAuthor',
    'onTempError',
    'trustedSealers',
    'scores',
    'seal',
  ]);
  const authservId = check
    .get('authservId')
    .required('allowed is the name of this gate, such as mx.example.com');
  authservId.text(253);
  if (authservId.value.isText && !isAuthservId(authservId.value.text())) {
    authservId.refuse('allowed is a token such as mx.example.com, or a quoted string (RFC 8601 section 2.2)');
  }
  check.get('onDmarcFail').oneOf(['policy', 'quarantine', 'none']);
  check.get('onSpfFail').oneOf(ACTIONS);
  check.get('onNoAuthor').oneOf(ACTIONS);
  check.get('onTempError').oneOf(['none', 'tempfail']);
  check.get('trustedSealers').texts(253);
  check.get('seal').text(64);
  const scores = check.get('scores').members();
  for (let i = 0; i < scores.value.length; i++) scores.at(i).integer(-100, 100);
  return configured(check.problem);
}

export function on_message(): i32 {
  const authservId = settings().get('authservId').text();
  removeForged(authservId);
  const decision = new Decision();
  // Who has logged in needs no more: where they are says nothing of their mail.
  if (facts().user != '') return decide(decision);

  const results = Auth.results();
  Message.headerInsert(0, 'Authentication-Results', [authservId].concat(results.texts).join('; '));
  seal(authservId, results);
  addTags(decision, results);
  judge(decision, results);
  return decide(decision);
}

/** What claims to be ours and is not (RFC 8601 section 5). */
function removeForged(authservId: string): void {
  for (let nth = 0; ; nth++) {
    const index = Message.headerFind('Authentication-Results', nth);
    if (index < 0) return;
    if (isInNameOf(authservId, Message.headerValue(index))) Message.headerRemove(index);
  }
}

function seal(authservId: string, results: AuthResults): void {
  const key = settings().get('seal').text();
  if (key == '') return;
  const sealed = Signing.arc(key, authservId, results.texts);
  // Without a seal it is still the same mail.
  if (sealed.error != '') log.warn('the message is not sealed: ' + sealed.error);
  else if (sealed.fields.length > 0) Message.splice(0, 0, sealed.fields);
}

function addTags(decision: Decision, results: AuthResults): void {
  const methods: string[] = ['spf', 'dkim', 'dmarc', 'arc'];
  const found: string[] = [results.spf.result, dkimResult(results), results.dmarc.result, results.arc.result];
  const scores = settings().get('scores');
  let score: i32 = 0;
  for (let i = 0; i < methods.length; i++) {
    decision.tag(methods[i], found[i]);
    score += scores.get(methods[i] + '=' + found[i]).integer();
  }
  if (score != 0) decision.score(score);
}

/** One signature that holds is enough. */
function dkimResult(results: AuthResults): string {
  const dkim = results.dkim;
  for (let i = 0; i < dkim.length; i++) {
    if (dkim[i].result == 'pass') return 'pass';
  }
  return dkim.length == 0 ? 'none' : dkim[0].result;
}

function judge(decision: Decision, results: AuthResults): void {
  const dmarc = results.dmarc;
  if (dmarc.result == 'pass') return;
  if (dmarc.result == 'temperror' && settings().get('onTempError').text() == 'tempfail') {
    decision.tempfail(451, '4.7.5', 'Where this mail comes from can not be told now').reason(dmarc.reason);
    return;
  }
  if (dmarc.result == 'permerror') {
    return act(
      decision,
      settings().get('onNoAuthor').text('quarantine'),
      '5.7.1',
      'Mail has no one author: ' + dmarc.reason,
    );
  }
  if (dmarc.result == 'fail') {
    if (isVouchedFor(results)) {
      decision.reason('DMARC failed, and a trusted sealer says that it had passed');
      return;
    }
    const wish = settings().get('onDmarcFail').text('policy');
    // The domain's policy is the most that is done.
    const action = wish == 'policy' || results.policy == 'none' ? results.policy : wish;
    act(decision, action, '5.7.26', 'DMARC of ' + dmarc.domain + ' failed');
    if (action != 'none') return;
  }
  const spf = results.spf;
  // RFC 7372 section 3.2.
  if (spf.result == 'fail') {
    act(
      decision,
      settings().get('onSpfFail').text(),
      '5.7.23',
      'SPF of ' + spf.domain + ' does not allow this client',
    );
  }
}

/** Lists and forwarders break what was aligned; one that seals can say what it had found (RFC 8617). */
function isVouchedFor(results: AuthResults): bool {
  const trusted = settings().get('trustedSealers').texts();
  const sealers = results.sealers;
  if (results.arc.result != 'pass' || sealers.length == 0) return false;
  if (!saysResult(results.sealed, 'dmarc', 'pass')) return false;
  for (let i = 0; i < trusted.length; i++) {
    if (foldCase(trusted[i]) == sealers[sealers.length - 1]) return true;
  }
  return false;
}

function act(decision: Decision, action: string, enhanced: string, reason: string): void {
  if (action == 'reject') decision.reject(550, enhanced, reason).reason(reason);
  if (action == 'quarantine') decision.quarantine().reason(reason);
}
