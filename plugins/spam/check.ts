import { Check, checkComparable, domainOf } from '../../sdk/assemblyscript';
import { ACTIONS } from './actions';
import { SUBJECTS } from './lists';
import { patternsOf } from './rules';
import { UNLIKE } from './unlike';

const POINTS: f64 = 100;

/** '' if the settings are good. */
export function problemWithSettings(): string {
  const check = Check.settings([
    'spamAt',
    'actions',
    'subjectTag',
    'folder',
    'rejectText',
    'header',
    'lists',
    'rules',
    'results',
    'bayes',
    'learn',
  ]);
  check.get('spamAt').number(-POINTS, POINTS);
  const actions = check.get('actions').object(ACTIONS);
  for (let i = 0; i < actions.value.length; i++) actions.at(i).number(-POINTS, POINTS);
  check.get('subjectTag').text(100);
  check.get('folder').text(200);
  check.get('rejectText').text(400);
  check.get('header').bool();
  const lists = check.get('lists').list();
  for (let i = 0; i < lists.value.length; i++) checkList(lists.at(i));
  const rules = check.get('rules').list();
  for (let i = 0; i < rules.value.length; i++) checkRule(rules.at(i));
  const results = check.get('results').members();
  for (let i = 0; i < results.value.length; i++) results.at(i).number(-POINTS, POINTS);
  const bayes = check.get('bayes').object(['spam', 'other']);
  bayes.get('spam').number(0, POINTS);
  bayes.get('other').number(-POINTS, 0);
  const learn = check.get('learn').object(['spam', 'other']);
  checkMailbox(learn.get('spam'));
  checkMailbox(learn.get('other'));
  return check.problem;
}

function checkMailbox(address: Check): void {
  address.text(254);
  if (address.value.isMissing) return;
  if (domainOf(address.value.text()).length == 0) address.refuse('allowed is an address with a domain');
  checkComparable(address, address.value.text());
}

function checkList(list: Check): void {
  if (!list.value.isObject) return list.refuse('allowed is an object');
  list.object(['zone', 'of', 'score', 'answers']);
  list.get('zone').required('required is the zone of the list').text(253);
  list
    .get('of')
    .required('allowed are ' + SUBJECTS.join(', '))
    .anyOf(SUBJECTS);
  checkScore(list.get('score'));
  list.get('answers').texts(15);
}

function checkRule(rule: Check): void {
  if (!rule.value.isObject) return rule.refuse('allowed is an object');
  rule.object(['name', 'score', 'header', 'text', 'missing', 'unlike']);
  rule.get('name').required('required is a name for headers and logs').text(64);
  checkScore(rule.get('score'));
  if (
    rule.value.get('header').length == 0 &&
    rule.value.get('text').isMissing &&
    rule.value.get('missing').isMissing &&
    rule.value.get('unlike').isMissing
  ) {
    rule.refuse('required is at least one of header, text, missing, unlike');
  }
  const header = rule.get('header').members();
  for (let i = 0; header.value.isObject && i < header.value.length; i++) {
    if (!header.at(i).value.isText && !header.at(i).value.isList) header.at(i).refuse('allowed are patterns');
    header.at(i).texts(1000);
  }
  rule.get('missing').texts(64);
  rule.get('unlike').anyOf(UNLIKE);
  const phrases = rule.get('text').texts(200);
  if (phrases.value.isText) checkPhrase(phrases);
  for (let i = 0; phrases.value.isList && i < phrases.value.length; i++) checkPhrase(phrases.at(i));
}

function checkPhrase(phrase: Check): void {
  if (patternsOf(phrase.value.text()).length == 0) phrase.refuse('but there is no word in it');
}

function checkScore(score: Check): void {
  score.required('required is the number of points').number(-POINTS, POINTS);
}
