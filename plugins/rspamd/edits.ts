import { Json, markSubject, Message, settings } from '../../sdk/assemblyscript';

/** rspamd's `milter.add_headers` and `milter.remove_headers`: name → value, or `{ value, order }`, or a list of those. */
export function changeHeader(milter: Json): void {
  const removed = milter.get('remove_headers');
  for (let i = 0; i < removed.length; i++) remove(removed.nameAt(i), removed.at(i).integer());
  const added = milter.get('add_headers');
  for (let i = 0; i < added.length; i++) {
    const name = added.nameAt(i);
    const value = added.at(i);
    if (!value.isList) add(name, value);
    for (let j = 0; value.isList && j < value.length; j++) add(name, value.at(j));
  }
}

/** 0 is all fields of that name, n the nth, -n the nth from the last. */
function remove(name: string, which: i32): void {
  let count = 0;
  while (Message.headerFind(name, count) >= 0) count++;
  for (let nth = 0; nth < count; nth++) {
    const isMeant = which == 0 || which == nth + 1 || which == nth - count;
    if (isMeant) removeField(Message.headerFind(name, nth));
  }
}

/** Fields that are gone already: edits must not overlap. */
const gone: i32[] = [];

function removeField(index: i32): void {
  if (gone.includes(index)) return;
  gone.push(index);
  Message.headerRemove(index);
}

function add(name: string, json: Json): void {
  const value = json.isText ? json.text() : json.get('value').text();
  const order = json.get('order').integer(-1);
  if (!isName(name)) return;
  const line = unfolded(value);
  if (order >= 0 && order < Message.headerCount()) Message.headerInsert(order, name, line);
  else Message.headerAdd(name, line);
}

/** A new subject, where rspamd has made one, or the mark of the settings; and the field that people's rules look for. */
export function markOrRewrite(action: string, answer: Json): void {
  if (action == 'add header') addFlag();
  if (action != 'rewrite subject') return;
  const subject = answer.get('subject').text();
  const index = Message.headerFind('Subject');
  if (subject == '') markSubject(settings().get('subjectTag').text('[SPAM]'));
  else if (index < 0) Message.headerAdd('Subject', unfolded(subject));
  else Message.headerChange(index, unfolded(subject));
}

function addFlag(): void {
  remove('X-Spam', 0);
  Message.headerAdd('X-Spam', 'Yes');
}

/** RFC 5322 section 2.2. */
function isName(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x21 || unit > 0x7e || unit == 0x3a) return false;
  }
  return text.length > 0 && text.length < 100;
}

/** Postern folds anew. */
function unfolded(text: string): string {
  let line = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x20 && unit != 0x7f) line += text.charAt(i);
    else if (!line.endsWith(' ')) line += ' ';
  }
  return line.trim();
}
