import type { MessageImage } from '../mail/image.ts';
import { brokenBy, type Break } from './break.ts';
import { combine, type Combined, type Holding } from './combine.ts';
import { disagreement } from './disagreement.ts';
import type { Facts, RecipientFacts } from './facts.ts';
import type { Meter } from './meter.ts';
import type { CalloutService, CalloutState, Service, ServiceGroup, ServiceOutcome } from './service.ts';
import { STAGES } from './stage.ts';
import { compileWhen, type WhenPredicate, type WhenSubject } from './when.ts';

/**
 * Asks the services of one group at one stage: picks those whose `when` rule holds, asks them in one hop, combines what they
 * say. From `data` on, recipients for whom different services apply are asked about separately; each such part may end
 * with a message of its own.
 */
export interface Dispatcher {
  /** Whether any service could have something to say at this stage; if not, there is no need to gather facts. */
  listens(stage: Facts['stage']): boolean;
  /** Never throws for anything a service does. */
  ask(question: Question): Promise<Answered>;
  /** The same part, if the failure of that service holds its mail in the quarantine instead of what its policy says. */
  hold(part: AnsweredPart, holding: Holding): AnsweredPart;
}

export interface Question {
  /** `service` is filled in by the sandbox for each. */
  readonly facts: Omit<Facts, 'service'>;
  readonly image?: MessageImage;
  readonly state: CalloutState;
}

export interface Answered {
  /** One before `data`; from `data` on one for each set of recipients with the same services. */
  readonly parts: readonly AnsweredPart[];
  readonly state: CalloutState;
}

export interface AnsweredPart {
  readonly recipients: readonly RecipientFacts[];
  readonly combined: Combined;
  readonly outcomes: readonly ServiceOutcome[];
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
}): Dispatcher {
  const { callouts, services, meters } = options;
  const entries = options.group.entries.map(({ service, when }) => ({ service, holds: compileWhen(when) }));

  // Asked at every command of every session; what a service answers never changes.
  const byStage = new Map(
    STAGES.map((stage) => [stage, entries.filter(({ service }) => callouts.answers(service, stage))]),
  );
  const answering = (stage: Facts['stage']): readonly Entry[] => byStage.get(stage) ?? [];

  return {
    listens: (stage) => answering(stage).length > 0,

    async ask({ facts, image, state }) {
      const parts: AnsweredPart[] = [];
      let carried = state;
      for (const { names, recipients } of partition(answering(facts.stage), facts)) {
        if (names.length === 0) {
          parts.push({ recipients, combined: combine([], services), outcomes: [], ...(image && { image }) });
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
        const part = { recipients, combined, outcomes };
        count(facts, part);
        parts.push({ ...part, ...(broken && { broken }), ...(ended && { image: ended }) });
      }
      return { parts, state: carried };
    },

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
  readonly recipients: RecipientFacts[];
}

function partition(entries: readonly Entry[], facts: Omit<Facts, 'service'>): Part[] {
  const base: WhenSubject = {
    client: facts.client.address,
    user: facts.client.user,
    sender: facts.sender?.address,
  };
  const namesFor = (recipient?: string): string[] =>
    entries.filter(({ holds }) => holds({ ...base, recipient })).map(({ service }) => service);

  const { recipients } = facts;
  if (recipients === undefined || recipients.length === 0) return [{ names: namesFor(), recipients: [] }];
  const parts = new Map<string, Part>();
  for (const recipient of recipients) {
    const names = namesFor(recipient.address);
    const key = names.join('\n');
    const part = parts.get(key) ?? { names, recipients: [] };
    part.recipients.push(recipient);
    parts.set(key, part);
  }
  return [...parts.values()];
}
