/** What the SDK of AssemblyScript offers of look-ups, keys, scanners, files and notices, for `outside.test.ts`. The other languages have the same. */
import { Auth, AuthResult, Blob, BlobLink, BlobRules, decide, Decision } from 'sdk';
import { Directory, DirectoryAnswer, Dns, DnsAnswer } from 'sdk';
import { encodeUtf8, Http, JsonList, JsonObject, log, Message, Notify, Part, Scan, ScanVerdict } from 'sdk';
import { Secure, SecureAnswer, settings, SignedFields, Signing } from 'sdk';
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
  add(Signing.arc('ours', '"ours quoted"', []));
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

function seeLink(link: BlobLink): void {
  see([link.error, link.url, link.id, link.size.toString(), link.sha256, link.expires.toString()]);
}

function keep(): void {
  const none = new BlobRules();
  const part = Part.all()[2];
  const link = Blob.part(part, 'a "b".pdf', none);
  seeLink(link);
  const all = new BlobRules();
  all.expires = 600;
  all.downloads = 3;
  all.password = 'sésame';
  all.clients = ['192.0.2.0/24', '2001:db8::1'];
  all.confirm = true;
  seeLink(Blob.octets(encodeUtf8('content\n{}'), '', 'text/plain', all));
  seeLink(Blob.octets(new Uint8Array(0), '😀'.repeat(99) + 'x😀', 'image/svg+xml', none));
  const types = settings().get('types').texts();
  for (let i = 0; i < types.length; i++) seeLink(Blob.octets(encodeUtf8('x'), 'x', types[i], none));
  const long = new BlobRules();
  long.expires = 1000000000;
  seeLink(Blob.part(part, 'x', long));
  see([yes(Blob.remove(link.id)), yes(Blob.remove(link.id))]);
}

function seeSecure(answer: SecureAnswer): void {
  see([
    answer.error,
    yes(answer.json.get('signs').bool()),
    answer.json.get('recipients').texts().join(','),
    yes(answer.hasContent),
  ]);
  for (let i = 0; i < answer.layers.length; i++) {
    const layer = answer.layers[i];
    see([layer.kind, layer.result, layer.reason]);
  }
}

function protect(): void {
  const openpgp = new Secure('openpgp');
  const found = openpgp.find();
  seeSecure(found);
  const smime = new Secure('smime');
  seeSecure(smime.find());
  seeSecure(smime.protect(true, [], 'aes-256-gcm'));
  seeSecure(openpgp.protect(false, ['"nobody"@example.test']));
  seeSecure(openpgp.open());
  const made = openpgp.protect(true, found.json.get('recipients').texts());
  seeSecure(made);
  made.apply();
  log.info(yes(Secure.isTooLarge()));
}

function open(): SecureAnswer {
  const opened = new Secure('openpgp').open();
  seeSecure(opened);
  return opened;
}

function stale(): void {
  const opened = open();
  new Secure('smime').find();
  opened.apply();
}

function granted(): void {
  see([
    yes(Auth.isGranted()),
    yes(Blob.isGranted()),
    yes(Directory.isGranted()),
    yes(Dns.isGranted()),
    yes(Notify.isGranted()),
    yes(Scan.isGranted()),
    yes(Secure.isGranted()),
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
  if (task == 'blob') keep();
  if (task == 'remove') Blob.remove('none');
  if (task == 'protect') protect();
  if (task == 'open' || task == 'border') open().apply();
  if (task == 'stale') stale();
  if (task == 'refused') new Secure('smime').protect(true, []).apply();
  if (task == 'granted') granted();
  if (task == 'to') Notify.notice('everybody', 'x', 'y');
  if (task == 'event') Notify.incident('warning', 'Not one', 'x');
  if (task == 'outage') throw new Error('no answer: ' + Dns.query('A', 'silent.test').error);
  return decide(new Decision());
}
