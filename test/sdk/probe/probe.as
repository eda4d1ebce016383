/** Everything that the SDK of AssemblyScript offers, for `probe.test.ts`. The other languages have the same. */
import {
  Check,
  configured,
  decide,
  Decision,
  decodeUtf8,
  domainOf,
  encodeUtf8,
  facts,
  Json,
  JsonKind,
} from 'sdk';
import {
  localPartOf,
  log,
  Message,
  parseJson,
  Part,
  quote,
  settings,
  State,
} from 'sdk';
export { ocp_smtp_abi_1 } from 'sdk';

export function configure(): i32 {
  const check = Check.settings([
    'task',
    'json',
    'score',
    'mode',
    'modes',
    'count',
    'flag',
    'list',
    'members',
    'lines',
    'words',
    'times',
  ]);
  check.get('mode').oneOf(['a', 'b']);
  check.get('modes').anyOf(['a', 'b']);
  check.get('count').integer(-5, 10);
  check.get('flag').bool();
  const item = check.get('list').list().at(0).object(['x']);
  item.get('x').text(3);
  item.at(0).text(2);
  check.get('members').members();
  check.get('lines').lines(5);
  return configured(check.problem);
}

function dump(json: Json): string {
  if (json.isMissing) return '-';
  if (json.isText) return quote(json.text());
  if (json.kind == JsonKind.Bool) return json.bool() ? 'yes' : 'no';
  if (json.kind == JsonKind.Number) return json.raw + '=' + json.integer(-1).toString();
  if (json.kind == JsonKind.Null) return 'null';
  let all = json.isList ? '[' : '{';
  for (let i = 0; i < json.length; i++) {
    if (json.isObject) all += quote(json.nameAt(i)) + ':';
    all += dump(json.at(i)) + ';';
  }
  return all + (json.isList ? ']' : '}');
}

export function on_connect(): i32 {
  const text = settings().get('json').text();
  const json = parseJson(encodeUtf8(text));
  log.info(json === null ? 'no JSON' : dump(json) + json.get('a').get('b').text('?'));
  log.warn(dump(settings()));
  return decide(new Decision().score(settings().get('score').number()));
}

export function on_helo(): i32 {
  const before = State.getText('long');
  log.info(before.length.toString() + (State.get('none') === null ? ' none' : ''));
  State.setText('long', before.length > 0 ? '' : 'ü'.repeat(400));
  return decide(new Decision().final());
}

export function on_mail(): i32 {
  const now = facts();
  const one = now.recipients[0];
  log.info(
    [
      now.stage,
      now.session,
      now.transaction,
      now.service,
      now.listener,
      now.protocol,
      now.clientAddress,
      now.clientPort.toString(),
      now.heloVerb,
      now.helo,
      now.hasTls.toString(),
      now.tlsVersion,
      now.tlsCipher,
      now.user,
      now.hasSender.toString(),
      now.sender,
      now.senderParam('SIZE'),
      one.address,
      one.original,
      one.param('NOTIFY'),
      now.recipients[1].original,
      now.recipient,
      now.tag('spam'),
      now.messageSize.toString(),
      domainOf(one.address),
      localPartOf(one.address),
    ].join('|'),
  );
  return decide(new Decision().score(now.score));
}

export function on_rcpt(): i32 {
  return decide(
    new Decision()
      .bounce()
      .rewrite(facts().recipient + 'x')
      .disconnect(),
  );
}

export function on_data(): i32 {
  const decision = new Decision().sender('').addRecipient('c@example.com').addRecipient('d@example.com');
  decision.nextHop('a').folder('b').discard();
  decision
    .recipient('ann@example.com')
    .tempfail(451, '', 'later\r\n250 OK')
    .folder('f')
    .nextHop('n')
    .replace(['x@y', 'z@y']);
  decision.recipient('eve@example.com').reject(550, '5.7.1', '"no"\\').replace([]);
  decision.recipient('bob@example.com').quarantine();
  decision.recipient('kim@example.com').discard();
  decision.recipient('sue@example.com').bounce();
  decision
    .reason('x\n"\\' + 'y'.repeat(500))
    .tag('k\u0000', 'v'.repeat(600))
    .tag('z', 'w');
  return decide(decision);
}

export function on_message(): i32 {
  const task = settings().get('task').text();
  if (task == 'name') Message.headerInsert(0, 'X A', 'b');
  if (task == 'value') Message.headerAdd('X-A', 'b\r\nX-B: c');
  if (task == 'index') Message.headerRemove(99);
  if (task == 'change') Message.headerChange(99, 'x');
  if (task == 'bare') Message.splice(0, 0, encodeUtf8('\n'));
  if (task == 'part') new Part(99);
  if (task == 'part-read') {
    const part = Part.all()[0];
    part.index = 99;
    part.read(0, new Uint8Array(1));
  }
  if (task == 'says') search();
  if (task == 'state') State.set('large', new Uint8Array(70000));
  return task == 'edit' ? edit() : decide(new Decision().quarantine());
}

/** What each part says of the words; of the first one it is asked many times. */
function search(): void {
  const words = settings().get('words').texts();
  const parts = Part.all();
  for (let i = 0; i < parts.length; i++) {
    for (let times = settings().get('times').integer(); times > 0; times--) parts[i].says(words[0]);
    let said = '';
    for (let w = 0; w < words.length; w++) said += parts[i].says(words[w]) ? 'y' : 'n';
    log.info(said);
  }
}

function edit(): i32 {
  const whole = new Uint8Array(1000);
  const size = Message.read(0, whole);
  log.info(
    [
      Message.size().toString(),
      size.toString(),
      Message.read(5000, whole).toString(),
      Message.headerCount().toString(),
      Message.headerName(0),
      Message.headerValue(0),
      Message.headerFind('received', 1).toString(),
      Message.headerFind('nope').toString(),
    ].join(' '),
  );
  const parts = Part.all();
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    const body = new Uint8Array(100);
    const decoded = part.read(2, body);
    log.debug(
      [
        part.index.toString(),
        part.parent.toString(),
        part.depth.toString(),
        part.type,
        part.charset,
        part.name,
        part.disposition,
        part.encoding,
        part.offset.toString(),
        part.headerSize.toString(),
        part.size.toString(),
        decodeUtf8(body, 0, decoded),
      ].join('|'),
    );
  }
  Message.headerInsert(0, 'X-First', 'first');
  Message.headerChange(0, 'changed');
  Message.headerRemove(Message.headerFind('Received', 1));
  Message.splice(Message.size(), 0, encodeUtf8('end\r\n'));
  log.error('done');
  return decide(new Decision().tempfail(450, '4.2.0', 'edited').score(-0.125));
}

export function on_report(): i32 {
  const one = facts().outcomes[0];
  log.info([one.recipient, one.disposition, one.reply].join('|'));
  const parts = facts().messageParts;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    const numbers = [part.depth.toString(), part.size.toString()];
    log.info([part.type, part.name, part.disposition, part.encoding].concat(numbers).join('|'));
  }
  log.info(parts.length.toString() + ' of ' + facts().messagePartCount.toString());
  return decide(new Decision());
}
