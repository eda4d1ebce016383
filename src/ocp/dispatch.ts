import type { MessageImage } from '../mail/image.ts';
import { brokenBy, type Break } from './break.ts';
import { combine, type Combined, type Holding } from './combine.ts';
import { disagreement } from './disagreement.ts';
import type { Facts, RecipientFacts } from './facts.ts';
import type { KeyDivision } from './key-division.ts';
import type { Meter } from './meter.ts';
import type { PartTable } from './part-table.ts';
import type { CalloutService, CalloutState, Service, ServiceGroup, ServiceOutcome } from './service.ts';
import { STAGES } from './stage.ts';
import { compileWhen, type WhenPredicate, type WhenSubject } from './when.ts';

/**
 * Asks the services of one group at one stage: picks those whose `when` rule holds, asks them in one hop, combines what they
 * say. From `data` on, recipients for whom different services apply are asked about separately, at `message` also those whose mail
 * other keys open; each such part may end with a message of its own.
 */
export interface Dispatcher {
  /** Whether any service could have something to say at this stage; if not, there is no need to gather facts. */
  listens(stage: Facts['stage']): boolean;
  /** Those of the group's services that a request may leave out. */
  readonly bypassable: readonly string[];
  /** Never throws for anything a service does. */
  ask(question: Question): Promise<Answered>;
  /** Whether any service that listens at this stage is to be told the table of parts. */
  wantsParts(stage: Facts['stage']): boolean;
  /** The table of a message; undefined if it could not be made. */
  partTable(image: MessageImage): Promise<PartTable | undefined>;
  /** The same part, if the failure of that service holds its mail in the quarantine instead of what its policy says. */
  hold(part: AnsweredPart, holding: Holding): AnsweredPart;
}

export interface Question {
  /** `service` is filled in by the sandbox for each. */
  readonly facts: Omit<Facts, 'service'>;
  readonly image?: MessageImage;
  readonly state: CalloutState;
  /** Whether a request to bypass this service holds for the recipient. Asked about services that may be bypassed, and no others. */
  readonly isBypassed?: (service: string, recipient: string | undefined) => boolean;
}

export interface Answered {
  /** One before `data`; from `data` on one for each set of recipients with the same services and keys. */
  readonly parts: readonly AnsweredPart[];
  readonly state: CalloutState;
}

export interface AnsweredPart {
  readonly recipients: readonly RecipientFacts[];
  readonly combined: Combined;
  readonly outcomes: readonly ServiceOutcome[];
  /** Services that would have been asked, had nobody requested to bypass them. */
  readonly bypassed: readonly string[];
  /** At `message`: what broke over it, so that it is to come back later. */
  readonly broken?: Break;
  /** The message for these recipients, spliced. */
  readonly image?: MessageImage;
}

/**
 * A dispatcher for one group. `services` must hold every service that the group names. What they answer is counted in their `meters`,
 * with what those in `monitor` would have done.
 */
export function createDispatcher(options: {
  readonly callouts: CalloutService;
  readonly group: ServiceGroup;
  readonly services: ReadonlyMap<string, Service>;
  readonly meters: ReadonlyMap<string, Meter>;
  readonly keysOf: KeyDivision;
}): Dispatcher {
  const { callouts, services, meters, keysOf } = options;
  const entries = options.group.entries.map(({ service, when }) => ({ service, holds: compileWhen(when) }));

  // Asked at every command of every session; what a service answers never changes.
  const byStage = new Map(
    STAGES.map((stage) => [stage, entries.filter(({ service }) => callouts.answers(service, stage))]),
  );
  const answering = (stage: Facts['stage']): readonly Entry[] => byStage.get(stage) ?? [];

  return {
    listens: (stage) => answering(stage).length > 0,

    bypassable: entries.flatMap(({ service }) => (services.get(service)?.bypassable ? [service] : [])),

    async ask({ facts, image, state, isBypassed }) {
      const parts: AnsweredPart[] = [];
      let carried = state;
      const leftOut = (service: string, recipient: string | undefined): boolean =>
        services.get(service)?.bypassable === true && isBypassed?.(service, recipient) === true;
      for (const { names, bypassed, recipients } of partition(answering(facts.stage), {
        facts,
        leftOut,
        keysOf,
      })) {
        if (names.length === 0) {
          const combined = combine([], services);
          parts.push({ recipients, combined, outcomes: [], bypassed, ...(image && { image }) });
          continue;
        }
        const result = await callouts.run({
          stage: facts.stage,
          services: names,
          facts: { ...facts, service: '', ...(facts.recipients && { recipients }) },
          ...(image && { image }),
          state: carried,
        });
        carried = result.state;
        const ended = result.image ?? image;
        const { outcomes } = result;
        const broken = facts.stage === 'message' ? brokenBy(outcomes, services) : undefined;
        const combined = combine(outcomes, services);
        const part = { recipients, combined, outcomes, bypassed };
        count(facts, part);
        parts.push({ ...part, ...(broken && { broken }), ...(ended && { image: ended }) });
      }
      return { parts, state: carried };
    },

    wantsParts: (stage) => answering(stage).some(({ service }) => callouts.wantsParts(service)),

    partTable: (image) => callouts.partTable(image),

    hold: (part, holding) => ({ ...part, combined: combine(part.outcomes, services, holding) }),
  };

  function count(facts: Question['facts'], part: AnsweredPart): void {
    const { stage, session, transaction } = facts;
    for (const outcome of part.outcomes) {
      const [meter, service] = [meters.get(outcome.service), services.get(outcome.service)];
      meter?.record(stage, outcome);
      if (meter === undefined || service?.mode !== 'monitor') continue;
      const found = disagreement({ ...part, stage, service, services });
      if (found.would.length === 0) continue;
      meter.disagree({ at: Date.now(), session, ...(transaction && { transaction }), stage, ...found });
    }
  }
}

interface Entry {
  readonly service: string;
  readonly holds: WhenPredicate;
}

interface Part {
  readonly names: readonly string[];
  readonly bypassed: readonly string[];
  readonly recipients: RecipientFacts[];
}

function partition(
  entries: readonly Entry[],
  {
    facts,
    leftOut,
    keysOf,
  }: {
    facts: Omit<Facts, 'service'>;
    leftOut: (service: string, recipient: string | undefined) => boolean;
    keysOf: KeyDivision;
  },
): Part[] {
  const base: WhenSubject = {
    client: facts.client.address,
    user: facts.client.user,
    sender: facts.sender?.address,
  };
  const servicesFor = (recipient?: string): Pick<Part, 'names' | 'bypassed'> => {
    const apply = entries.filter(({ holds }) => holds({ ...base, recipient })).map(({ service }) => service);
    const bypassed = apply.filter((service) => leftOut(service, recipient));
    return { names: apply.filter((service) => !bypassed.includes(service)), bypassed };
  };

  const { recipients } = facts;
  if (recipients === undefined || recipients.length === 0) return [{ ...servicesFor(), recipients: [] }];
  const sender = facts.sender?.address ?? '';
  const parts = new Map<string, Part>();
  for (const recipient of recipients) {
    const apply = servicesFor(recipient.address);
    const keys =
      facts.stage === 'message'
        ? apply.names.map((service) => keysOf(service, { sender, recipient: recipient.address }))
        : [];
    const key = [...apply.names, '', ...apply.bypassed, '', ...keys].join('\n');
    const part = parts.get(key) ?? { ...apply, recipients: [] };
    part.recipients.push(recipient);
    parts.set(key, part);
  }
  return [...parts.values()];
}
