import { Check, checkComparable, domainOf } from '../../sdk/assemblyscript';

/** What is wrong with the settings, '' if nothing is. */
export function checked(): string {
  const check = Check.settings(['table', 'directory', 'senders', 'headers']);
  const table = check.get('table').members();
  for (let i = 0; i < table.value.length; i++) {
    checkKey(table.at(i), table.value.nameAt(i), true);
    checkRoute(table.at(i));
  }
  checkDirectory(check.get('directory'));
  const senders = check.get('senders').members();
  for (let i = 0; i < senders.value.length; i++) {
    checkKey(senders.at(i), senders.value.nameAt(i), false);
    senders.at(i).text(1000);
    checkTarget(senders.at(i));
  }
  check.get('headers').bool();
  if (table.value.isMissing && check.get('directory').value.isMissing && senders.value.isMissing) {
    table.refuse('required is "table", "directory" or "senders"');
  }
  return check.problem;
}

function checkKey(entry: Check, key: string, mayBeAll: bool): void {
  if (domainOf(key).length == 0 && !(mayBeAll && key == '*')) {
    entry.refuse('but the key must be an address' + (mayBeAll ? ', "@domain" or "*"' : ' or "@domain"'));
  }
  checkComparable(entry, key);
}

function checkRoute(route: Check): void {
  if (!route.value.isObject) return route.refuse('allowed is an object with "to", "nextHop" or both');
  route.object(['to', 'nextHop']);
  route.get('nextHop').text(300);
  const to = route.get('to').texts(1000);
  const targets = to.value.texts();
  if (targets.length == 0 && route.value.get('nextHop').isMissing) {
    route.refuse('required is "to" with at least one address, or "nextHop"');
  }
  if (!to.value.isMissing && targets.length == 0) to.refuse('allowed is at least one address');
  if (targets.length > 100) to.refuse('allowed are at most 100 addresses');
  for (let i = 0; i < targets.length; i++) checkTarget(to.value.isList ? to.at(i) : to);
}

function checkTarget(target: Check): void {
  if (target.value.isText && domainOf(target.value.text()).length == 0) {
    target.refuse('allowed is an address, or "@domain" to keep the local part');
  }
}

function checkDirectory(directory: Check): void {
  if (directory.value.isMissing) return;
  directory.object(['table', 'toFrom', 'serverFrom', 'servers']);
  directory.get('table').required('required is the name of a directory').text(64);
  directory.get('toFrom').text(200);
  directory.get('serverFrom').text(200);
  if (directory.get('toFrom').value.isMissing && directory.get('serverFrom').value.isMissing) {
    directory.refuse('required is "toFrom", "serverFrom" or both');
  }
  const servers = directory.get('servers').members();
  for (let i = 0; i < servers.value.length; i++) {
    servers.at(i).object(['nextHop']);
    servers.at(i).get('nextHop').required('required is the name of a downstream').text(300);
  }
}
