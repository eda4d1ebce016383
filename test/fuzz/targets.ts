import type { Target } from './target.ts';
import { address } from './targets/address.ts';
import { config } from './targets/config.ts';
import { data } from './targets/data.ts';
import { decisions } from './targets/decisions.ts';
import { decoded } from './targets/decoded.ts';
import { dialog } from './targets/dialog.ts';
import { dns } from './targets/dns.ts';
import { downstream } from './targets/downstream.ts';
import { dsn } from './targets/dsn.ts';
import { header } from './targets/header.ts';
import { lines } from './targets/lines.ts';
import { mime } from './targets/mime.ts';
import { parts } from './targets/parts.ts';
import { replies } from './targets/replies.ts';
import { signatures } from './targets/signatures.ts';
import { splices } from './targets/splices.ts';

export const TARGETS: readonly Target[] = [
  lines,
  data,
  dialog,
  replies,
  downstream,
  address,
  header,
  splices,
  mime,
  parts,
  decoded,
  signatures,
  dsn,
  dns,
  decisions,
  config,
];

export function targetNamed(name: string): Target {
  const target = TARGETS.find((one) => one.name === name);
  if (target !== undefined) return target;
  throw new Error(`Cannot fuzz ${name}: the targets are ${TARGETS.map((one) => one.name).join(' ')}`);
}
