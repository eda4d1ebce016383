import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIPv6, type LookupFunction } from 'node:net';

/**
 * Where a name may lead. A name is in the hands of whoever runs its zone, and may be pointed to this machine or its neighbours at any
 * moment. So each address is judged where the connection is made, and those that may not be reached are left out: there is no
 * second look-up that could come out differently.
 */
type Reach = 'public' | 'private' | 'never';

/** Of RFC 6890 and what came after it: this host, private networks, links, and what leads to IPv4 in ways of its own. */
const PRIVATE = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '::1/128',
  '64:ff9b:1::/48',
  '2001::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
];

/** Nothing that answers requests, or what hands out a machine's credentials: clouds' metadata services. */
const NEVER = [
  '0.0.0.0/8',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '169.254.169.254/32',
  '169.254.170.2/32',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '100::/64',
  '2001:db8::/32',
  'fd00:ec2::254/128',
  'ff00::/8',
];

/** NAT64 (RFC 6052): the IPv4 address is in the last octets. The same goes for `::ffff:0:0/96`, which BlockList knows. */
const NAT64 = '64:ff9b::';

function listOf(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', length] = subnet.split('/');
    const bits = Number(length);
    if (isIPv6(network)) {
      list.addSubnet(network, bits, 'ipv6');
    } else {
      list.addSubnet(network, bits, 'ipv4');
      list.addSubnet(`${NAT64}${network}`, 96 + bits, 'ipv6');
    }
  }
  return list;
}

const privately = listOf(PRIVATE);
const never = listOf(NEVER);

export function reachOf({ address, family }: LookupAddress): Reach {
  const type = family === 6 ? 'ipv6' : 'ipv4';
  if (never.check(address, type)) return 'never';
  return privately.check(address, type) ? 'private' : 'public';
}

/** A name that leads only where its grant does not reach. */
export class UnreachableAddress extends Error {
  override readonly name = 'UnreachableAddress';
}

/** How names are resolved: by the system, or as a test says. */
export type Resolve = (
  hostname: string,
  options: { all: true; family?: number | 'IPv4' | 'IPv6'; hints?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** The look-up for a connection: of the addresses of a name, those that may be reached. Addresses that are named don't come by here. */
export function guardedLookup(options: { allowPrivate: boolean; resolve?: Resolve }): LookupFunction {
  const { allowPrivate, resolve = systemLookup } = options;
  return (hostname, { all, family, hints }, callback) => {
    const asked = { ...(family !== undefined && { family }), ...(hints !== undefined && { hints }) };
    resolve(hostname, { ...asked, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const reachable = found.filter((address) => {
        const reach = reachOf(address);
        return reach === 'public' || (reach === 'private' && allowPrivate);
      });
      const [first] = reachable;
      if (first === undefined) {
        const addresses = found.map(({ address }) => address).join(', ');
        return callback(
          new UnreachableAddress(`${hostname} leads to ${addresses}, which the grant does not reach`),
          [],
        );
      }
      if (all === true) callback(null, reachable);
      else callback(null, first.address, first.family);
    });
  };
}
