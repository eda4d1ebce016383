import { isIP } from 'node:net';

/** `127.0.0.1`, `127.0.0.1:53`, `::1` or `[::1]:53`, the port as given if it is not named; undefined for anything else. */
export function parseAddressPort(
  text: string,
  { port }: { port: number },
): { readonly address: string; readonly port: number } | undefined {
  // A scope (`fe80::1%eth0`) counts as part of the address.
  if (isIP(text) !== 0) return { address: text, port };
  const named = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:]+)):(?<port>\d{1,5})$/.exec(text)?.groups;
  const address = named?.['v6'] ?? named?.['v4'] ?? '';
  const number = Number(named?.['port']);
  const isRight = isIP(address) === (named?.['v6'] === undefined ? 4 : 6);
  return isRight && number >= 1 && number <= 65_535 ? { address, port: number } : undefined;
}
