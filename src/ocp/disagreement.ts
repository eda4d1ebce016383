import { combine, stronger, type Combined } from './combine.ts';
import type { Verdict } from './decision.ts';
import { goesOn } from './group-rule.ts';
import { DISAGREEMENTS, type Disagreement } from './meter-reading.ts';
import type { Service, ServiceOutcome } from './service.ts';
import type { Stage } from './stage.ts';

/**
 * What a service in `monitor` would have made of mail if it were in `enforce`: the outcomes combined again with it in force, and without
 * those of the services that it would have kept from being asked, against what was combined without it. Services after
 * it are taken to have said the same, though they would have been told its tags, its rewrites and its message. Each stage
 * is judged by itself, so what an earlier one has settled shows as a disagreement of the later ones too.
 */
export function disagreement(about: Group & { readonly service: Service }): {
  readonly would: readonly Disagreement[];
  readonly done: readonly Verdict[];
} {
  const { stage, service, outcomes, services, combined } = about;
  const at = outcomes.findIndex((outcome) => outcome.service === service.name);
  const outcome = outcomes[at];
  const done = verdictsOf(combined, about);
  if (outcome === undefined || stage === 'report') return { would: [], done: distinct(done) };

  const enforced: Service = { ...service, mode: 'enforce' };
  const heard = goesOn(stage, { service: enforced, outcome }) ? outcomes : outcomes.slice(0, at + 1);
  const other = combine(heard, new Map(services).set(service.name, enforced));
  const verdicts = verdictsOf(other, about);
  const found = new Set<Disagreement>(verdicts.filter((verdict, index) => verdict !== done[index]));
  const goesSomewhere = verdicts.some((verdict) => verdict === 'accept' || verdict === 'quarantine');
  if (goesSomewhere && (outcome.wouldModify === true || routingOf(other) !== routingOf(combined)))
    found.add('change');
  if (other.notifications.length > combined.notifications.length) found.add('notify');
  if (other.disconnect && !combined.disconnect) found.add('disconnect');
  return { would: DISAGREEMENTS.filter((kind) => found.has(kind)), done: distinct(done) };
}

/** What a group answered. */
interface Group {
  readonly stage: Stage;
  readonly outcomes: readonly ServiceOutcome[];
  readonly services: ReadonlyMap<string, Service>;
  /** What was made of it. */
  readonly combined: Combined;
  /** Those asked about; none before RCPT. */
  readonly recipients: readonly { readonly address: string }[];
}

/** One for each recipient; one for the command before there are any. */
function verdictsOf(combined: Combined, { stage, recipients }: Group): Verdict[] {
  const singles = [...combined.recipients.values()];
  // There each service names the one recipient as the one before it left it.
  const subjects = stage === 'rcpt' || recipients.length === 0 ? [singles] : recipients.map(named);
  return subjects.map((subject) => {
    const proposals = subject.map(({ proposal }) => proposal);
    return proposals.reduce(stronger, combined.overall)?.verdict ?? 'accept';
  });

  function named({ address }: { readonly address: string }): typeof singles {
    const single = combined.recipients.get(address);
    return single === undefined ? [] : [single];
  }
}

function routingOf({ rewrite, sender, nextHop, folder, addRecipients, recipients }: Combined): string {
  const singles = [...recipients].filter(([, one]) => one.replace ?? one.nextHop ?? one.folder);
  const routes = singles.map(([address, one]) => [address, one.replace, one.nextHop, one.folder]);
  return JSON.stringify([rewrite, sender, nextHop, folder, addRecipients, routes]);
}

const distinct = (verdicts: readonly Verdict[]): Verdict[] => [...new Set(verdicts)];
