/** What the SDK of AssemblyScript offers of look-ups, keys, scanners and notices, for `outside.test.ts`. The other languages have the same. */
import { Auth, AuthResult, decide, Decision, Directory, DirectoryAnswer, Dns, DnsAnswer } from 'sdk';
import { encodeUtf8, Http, JsonList, JsonObject, log, Message, Notify, Part, Scan, ScanVerdict } from 'sdk';
import { settings, SignedFields, Signing } from 'sdk';
export { ocp_smtp_abi_1 } from 'sdk';

const yes = (value: bool): string => (value ? 'yes' : 'no');

function see(seen: string[]): void {
  log.info(seen.join('|'));
}

function seeDns(answer: DnsAnswer): void {
  see([answer.error, answer.result, answer.ttl.toString(), answer.records.length.toString(), answer.texts().join(',')]);
}

function lookUp(): void {
  seeDns(Dns.query('A', 'example.test'));
  const mx = Dns.query('MX', 'Example.TEST.');
  seeDns(mx);
  log.info(mx.records.at(0).get('priority').integer().toString());
  seeDns(Dns.query('TXT', 'example.test'));
  seeDns(Dns.query('AAAA', 'example.test'));
  seeDns(Dns.query('A', 'nobody.example.test'));
  seeDns(Dns.reverse('192.0.2.7'));
  seeDns(Dns.listed('192.0.2.7', 'list.test'));
  seeDns(Dns.query('A', 'example.org'));
  seeDns(Dns.query('A', 'ä"\\\n'));
}

function seeDirectory(answer: DirectoryAnswer): void {
  see([
    answer.error,
    yes(answer.isFound),
    answer.rows.length.toString(),
    answer.value('store'),
    answer.values('alias').join(','),
    answer.value('none'),
    answer.values('none').length.toString(),
  ]);
}

function find(): void {
  seeDirectory(Directory.find('staff', 'ann@example.com'));
  seeDirectory(Directory.find('staff', 'nobody@example.com'));
  seeDirectory(Directory.find('others', 'ann@example.com'));
  seeDirectory(Directory.find('staff', ''));
}

function seeResult(result: AuthResult): void {
  see([result.result, result.reason, result.domain]);
}

function authenticate(): void {
  const results = Auth.results();
  seeResult(results.spf);
  log.info(results.dkim.length.toString());
  for (let i = 0; i < results.dkim.length; i++) seeResult(results.dkim[i]);
  seeResult(results.arc);
  seeResult(results.dmarc);
  see([results.policy, results.sealers.join(','), results.sealed, results.texts.join(',')]);
}

function seeVerdict(verdict: ScanVerdict): void {
  see([yes(verdict.isClean), verdict.name, verdict.error]);
}

function scan(): void {
  const parts = Part.all();
  for (let i = 0; i < parts.length; i++) seeVerdict(Scan.part(parts[i]));
  seeVerdict(Scan.message());
  seeVerdict(Scan.octets(encodeUtf8(settings().get('virus').text())));
  seeVerdict(Scan.octets(encodeUtf8('harmless\n{}')));
  seeVerdict(Scan.octets(new Uint8Array(0)));
}

function add(signed: SignedFields): void {
  see([signed.error, yes(signed.fields.length > 0)]);
  Message.splice(0, 0, signed.fields);
}

function sign(): void {
  add(Signing.dkim('ours'));
  const headers = new JsonList().text('From').text('Subject');
  const options = new JsonObject().json('headers', headers.toString()).integer('expires', 86400);
  add(Signing.dkim('ours', options));
  add(Signing.arc('ours', 'mx.example.test', ['spf=pass smtp.mailfrom=example.net', 'dkim=none']));
  add(Signing.arc('ours', 'ours "quoted"', []));
  add(Signing.dkim('theirs'));
}

function notify(): void {
  const seen: string[] = [];
  seen.push(yes(Notify.sender('A "virus"', 'It was ä\nvirus.\n')));
  seen.push(yes(Notify.recipients('for you', '')));
  seen.push(yes(Notify.postmaster('for her', 'x')));
  seen.push(yes(Notify.notice('sender', 'by name', 'y')));
  seen.push(yes(Notify.incident('warning', 'virus-found', 'Eicar in a.zip')));
  const fields = new JsonObject().text('signature', 'Eicar "x"').text('file', 'ä');
  seen.push(yes(Notify.incident('critical', 'worse', 'more\nof it', fields)));
  see(seen);
}

function post(): void {
  const headers = new JsonObject().text('X-Test', 'one');
  const answer = Http.postMessage(settings().get('url').text() + '/post', headers);
  see([answer.status.toString(), answer.error, answer.text()]);
}

function granted(): void {
  see([
    yes(Auth.isGranted()),
    yes(Directory.isGranted()),
    yes(Dns.isGranted()),
    yes(Notify.isGranted()),
    yes(Scan.isGranted()),
    yes(Signing.isGranted()),
  ]);
}

export function on_message(): i32 {
  const task = settings().get('task').text();
  if (task == 'dns') lookUp();
  if (task == 'directory') find();
  if (task == 'auth') authenticate();
  if (task == 'scan') scan();
  if (task == 'sign') sign();
  if (task == 'notify') notify();
  if (task == 'post') post();
  if (task == 'granted') granted();
  if (task == 'to') Notify.notice('everybody', 'x', 'y');
  if (task == 'event') Notify.incident('warning', 'Not one', 'x');
  if (task == 'outage') throw new Error('no answer: ' + Dns.query('A', 'silent.test').error);
  return decide(new Decision());
}
