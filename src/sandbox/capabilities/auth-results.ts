import type { ArcVerdict } from '../../mail/dkim/arc.ts';
import type { DkimVerdict } from '../../mail/dkim/verify.ts';
import type { DmarcVerdict } from '../../mail/dmarc.ts';
import { isToken } from '../../mail/mime-value.ts';
import type { SpfResult } from './auth-spf.ts';

/** What is known of a message; without `dkim`, `arc` and `dmarc` before there is one. */
export interface AuthResults {
  readonly spf: SpfResult;
  readonly dkim?: readonly DkimVerdict[];
  readonly arc?: ArcVerdict;
  readonly dmarc?: DmarcVerdict;
}

/** The results as an Authentication-Results field has them after its authserv-id (RFC 8601 section 2.2), one item for each. */
export function resultTexts({ spf, dkim, arc, dmarc }: AuthResults): string[] {
  return [
    text('spf', spf, [`smtp.${spf.identity}`, spf.domain]),
    ...(dkim === undefined ? [] : dkim.length === 0 ? ['dkim=none'] : dkim.map(dkimText)),
    ...(arc === undefined ? [] : [arcText(arc)]),
    ...(dmarc === undefined
      ? []
      : [`${text('dmarc', dmarc, ['header.from', dmarc.domain])} policy.dmarc=${dmarc.policy}`]),
  ];
}

const dkimText = (verdict: DkimVerdict): string =>
  text('dkim', verdict, ['header.d', verdict.domain], ['header.s', verdict.selector]);

function arcText({ result, reason, instance, sealers }: ArcVerdict): string {
  const sealer = sealers.at(-1);
  const comment = instance === 0 ? '' : ` (i=${instance})`;
  return `arc=${result}${comment}${reasonText(reason)}${sealer === undefined ? '' : ` arc.chain=${quoted(sealers.join(':'))}`}`;
}

function text(
  method: string,
  { result, reason }: { readonly result: string; readonly reason?: string },
  ...properties: readonly (readonly [string, string])[]
): string {
  const told = properties
    .filter(([, value]) => value !== '')
    .map(([name, value]) => ` ${name}=${quoted(value)}`);
  return `${method}=${result}${reasonText(reason)}${told.join('')}`;
}

const reasonText = (reason: string | undefined): string =>
  reason === undefined ? '' : ` reason=${quoted(reason, true)}`;

/** A token as it is, anything else as a quoted string; what neither can have is a question mark. */
function quoted(value: string, always = false): string {
  const printable = value.slice(0, 300).replace(/[^\x20-\x7e]/g, '?');
  if (!always && isToken(printable)) return printable;
  return `"${printable.replace(/["\\]/g, String.raw`\$&`)}"`;
}
