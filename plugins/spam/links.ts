import { foldCase } from '../../sdk/assemblyscript';

/** Hosts that are looked at. */
const HOST_LIMIT: i32 = 20;
const BEGINNINGS: string[] = ['http://', 'https://', 'www.'];

/** Adds the hosts that a text has links to, each once. */
export function addHosts(text: string, hosts: string[]): void {
  const folded = foldCase(text);
  for (let b = 0; b < BEGINNINGS.length; b++) {
    const beginning = BEGINNINGS[b];
    for (let at = folded.indexOf(beginning); at >= 0; at = folded.indexOf(beginning, at + 1)) {
      if (hosts.length == HOST_LIMIT) return;
      const host = hostAt(folded, beginning == 'www.' ? at : at + beginning.length);
      if (host.indexOf('.') > 0 && !hosts.includes(host)) hosts.push(host);
    }
  }
}

/** Without the user and password before it. */
function hostAt(text: string, begin: i32): string {
  let from = begin;
  let to = begin;
  for (; to < text.length; to++) {
    const unit = text.charCodeAt(to);
    if (unit == 0x40) from = to + 1;
    else if (!isOfHost(unit) && unit != 0x3a && unit != 0x25) break;
  }
  let end = from;
  while (end < to && isOfHost(text.charCodeAt(end))) end++;
  while (end > from && text.charCodeAt(end - 1) == 0x2e) end--;
  return text.substring(from, end);
}

function isOfHost(unit: i32): bool {
  return (
    (unit >= 0x61 && unit <= 0x7a) ||
    (unit >= 0x30 && unit <= 0x39) ||
    unit == 0x2d ||
    unit == 0x2e ||
    unit == 0x5f
  );
}

/**
 * The domain that somebody registered, which is what lists of domains know: the last two labels, or three where the last but one is short
 * and below a country (`example.co.uk`).
 */
export function registeredDomain(host: string): string {
  const labels = host.split('.');
  const count = labels.length;
  if (count < 3) return host;
  const isBelow = labels[count - 1].length == 2 && labels[count - 2].length <= 3;
  return labels.slice(isBelow ? count - 3 : count - 2).join('.');
}

export function isAddress(host: string): bool {
  const labels = host.split('.');
  if (labels.length != 4) return false;
  for (let i = 0; i < 4; i++) {
    const label = labels[i];
    if (label.length < 1 || label.length > 3) return false;
    for (let j = 0; j < label.length; j++) {
      if (label.charCodeAt(j) < 0x30 || label.charCodeAt(j) > 0x39) return false;
    }
    if (I32.parseInt(label) > 255) return false;
  }
  return true;
}
