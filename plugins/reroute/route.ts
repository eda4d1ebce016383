import { Directory, domainOf, foldCase, Json, localPartOf, settings } from '../../sdk/assemblyscript';

/** Where mail for a recipient goes. */
export class Route {
  /** Addresses, or `@domain` to keep the local part; none: the recipient stays. */
  to: string[] = [];
  /** The name of a downstream; '': the listener's. */
  nextHop: string = '';
}

/** The table's entry for the address itself, else the directory's, else the table's for its domain, else for `*`. */
export function routeOf(normal: string): Route {
  const table = settings().get('table');
  const own = find(table, normal);
  if (!own.isMissing) return routeFrom(own);
  const known = fromDirectory(normal);
  if (known !== null) return known;
  const domain = find(table, '@' + domainOf(normal));
  return routeFrom(domain.isMissing ? find(table, '*') : domain);
}

/** '' if a sender keeps its address. */
export function senderTarget(normal: string): string {
  const senders = settings().get('senders');
  const own = find(senders, normal);
  return own.isMissing ? find(senders, '@' + domainOf(normal)).text() : own.text();
}

/** A target `@domain` keeps the local part. */
export function retarget(target: string, address: string): string {
  return target.startsWith('@') ? localPartOf(address) + target : target;
}

function find(table: Json, key: string): Json {
  for (let i = 0; i < table.length; i++) {
    if (foldCase(table.nameAt(i)) == key) return table.at(i);
  }
  return new Json();
}

function routeFrom(entry: Json): Route {
  const route = new Route();
  route.to = entry.get('to').texts();
  route.nextHop = entry.get('nextHop').text();
  return route;
}

/** Null if it does not know the recipient. Ends the call if it can't be asked: mail must not go astray for that. */
function fromDirectory(normal: string): Route | null {
  const directory = settings().get('directory');
  if (directory.isMissing) return null;
  const found = Directory.find(directory.get('table').text(), normal);
  if (found.error != '') throw new Error('Cannot look the recipient up in the directory: ' + found.error);
  if (!found.isFound) return null;
  const route = new Route();
  const addresses = found.values(directory.get('toFrom').text());
  for (let i = 0; i < addresses.length; i++) {
    if (domainOf(addresses[i]).length > 0) route.to.push(addresses[i]);
  }
  const server = found.value(directory.get('serverFrom').text());
  const servers = directory.get('servers');
  const named = find(servers, foldCase(server)).get('nextHop').text();
  if (server.length > 0 && named.length == 0) {
    throw new Error(
      'Cannot send mail to the server "' + server + '": the settings do not name it in "servers"',
    );
  }
  route.nextHop = named;
  return route;
}
