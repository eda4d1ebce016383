/** What the SDK of AssemblyScript offers of capabilities, for `capability.test.ts`. The other languages have the same. */
import { Clock, decide, Decision, decodeUtf8, encodeUtf8, Http, JsonObject, Kv, log, settings } from 'sdk';
export { ocp_smtp_abi_1 } from 'sdk';

const yes = (value: bool): string => (value ? 'yes' : 'no');

function expiry(key: string): string {
  const found = Kv.entry(key);
  return found === null ? 'none' : found.expires.toString();
}

function revision(key: string): i64 {
  const found = Kv.entry(key);
  return found === null ? 0 : found.revision;
}

function countIfGranted(): i32 {
  const decision = new Decision();
  decision.tag('count', Kv.isGranted() ? Kv.increment('n').toString() : 'none');
  decision.tag('others', yes(Clock.isGranted()) + yes(Http.isGranted()));
  return decide(decision);
}

function entryOf(key: string): string {
  const found = Kv.tryEntry(key);
  const entry = found.value;
  if (found.error != '') return 'trouble';
  return entry === null ? 'none' : decodeUtf8(entry.value) + ' ' + entry.expires.toString();
}

function put(key: string, value: string): string {
  const tried = Kv.tryPut(key, encodeUtf8(value), 60);
  return tried.error != '' ? 'trouble' : yes(tried.value);
}

function replaced(key: string, value: string, revision: i64): string {
  const tried = Kv.tryReplace(key, encodeUtf8(value), revision, 60);
  return tried.error != '' ? 'trouble' : yes(tried.value);
}

function incremented(key: string, by: i64): string {
  const tried = Kv.tryIncrement(key, by, 60);
  return tried.error != '' ? 'trouble' : tried.value.toString();
}

function attempt(): i32 {
  const long = settings().get('long').text();
  const seen = [entryOf('k'), replaced('k', 'one', 0), replaced('k', 'two', 0), replaced('k', 'two', revision('k'))];
  log.info(seen.concat([entryOf('k'), incremented('m', 7), incremented('m', -9)]).join('|'));
  log.info([put('p', 'x'), put('long', long), replaced('long', long, 0), incremented(long, 1), entryOf('long')].join('|'));
  if (settings().get('name').bool()) incremented('k', 1);
  return decide(new Decision());
}

export function on_rcpt(): i32 {
  const url = settings().get('url').text();
  const task = settings().get('task').text();
  if (task == 'count') return countIfGranted();
  if (task == 'try') return attempt();
  if (task == 'key') Kv.putText('', 'x');
  if (task == 'quota') Kv.putText('long', settings().get('long').text());
  if (task == 'outage') {
    const nothing = Http.request('GET', settings().get('down').text());
    throw new Error('no answer: ' + nothing.error);
  }
  const seen: string[] = [yes(Clock.now() > 1700000000000)];
  seen.push(Kv.getText('none'));
  Kv.putText('a', 'ä\n"');
  seen.push(Kv.getText('a'));
  seen.push(expiry('a'));
  seen.push(yes(Kv.replace('a', encodeUtf8('b'), 0)));
  seen.push(yes(Kv.replace('a', new Uint8Array(0), revision('a'), 60)));
  seen.push(Kv.getText('a'));
  seen.push(expiry('a'));
  seen.push(Kv.increment('n', 9007199254740000).toString());
  seen.push(Kv.increment('n', -9007199254740007).toString());
  seen.push(yes(Kv.remove('a')));
  seen.push(yes(Kv.remove('a')));
  const headers = new JsonObject().text('X-Test', 'one');
  const answer = Http.request('POST', url + '/echo', headers, encodeUtf8('two\nthree'));
  seen.push(answer.status.toString());
  seen.push(answer.header('x-answer'));
  seen.push(answer.text());
  const denied = Http.request('GET', 'http://127.0.0.2/');
  seen.push(denied.status.toString());
  seen.push(denied.error);
  log.info(seen.join('|'));
  const decision = new Decision();
  decision.tag('answer', answer.text());
  return decide(decision);
}
