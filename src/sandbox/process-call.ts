import type { z } from 'zod';
import type { CapabilityAnswer } from '../ocp/capability.ts';
import { factsAsTold, factsFor } from '../ocp/facts.ts';
import { leaveAt } from '../ocp/notice.ts';
import type { Service, ServiceOutcome } from '../ocp/service.ts';
import { exportOf, type Stage } from '../ocp/stage.ts';
import { refused } from './breakers.ts';
import { REQUEST_LIMIT } from './host-capability.ts';
import type { HostRequest } from './host-line.ts';
import { complaintOf, judge, type Answer } from './judge.ts';
import { outageOf } from './outage.ts';
import { Liar, type Frame, type ProcessChannel } from './process-channel.ts';
import { HEAD_BYTES, WINDOW_BYTES, type FrameLengths } from './process-frame.ts';
import { HostMessage } from './process-message.ts';
import { cleanFault, readSaid, saidLimits } from './process-said.ts';
import { configuredSchema, preparedSchema, turnSchema, type SaidMessage, type Told } from './process-wire.ts';
import type { AskTask, Report } from './wire.ts';

/** One piece of work of a confined process, from Postern's side: what it is told, what it asks in between, what it says in the end. */
interface Asking {
  readonly service: Service;
  readonly stages: ReadonlySet<Stage>;
  /** Whether it is told the table of parts. */
  readonly wantsParts: boolean;
  readonly task: AskTask;
  /** The call before has failed by what it said. */
  readonly discard: boolean;
  /** Called when its last word is there. */
  readonly answered: () => void;
  readonly micros: () => number;
  readonly outside: (request: HostRequest) => Promise<CapabilityAnswer>;
}

/** Has the only service of a task asked. Throws a Liar, or an Error if the process has ended. */
export async function askProcess(
  channel: ProcessChannel,
  asking: Asking,
): Promise<Report & { kind: 'outcome' }> {
  const { service, stages, task } = asking;
  const refusal = task.refusals?.[0];
  if (refusal !== undefined)
    return reportOf({ result: refused(refusal), logs: [], memoryBytes: 0, readBytes: 0 }, asking);
  if (!stages.has(task.stage)) {
    return reportOf({ result: { kind: 'notAsked' }, logs: [], memoryBytes: 0, readBytes: 0 }, asking);
  }
  const { image } = task;
  const message = image && new HostMessage(image);
  const told = factsFor(task.facts, { ...service, wantsParts: asking.wantsParts });
  const facts = {
    ...told,
    ...(image && { message: { ...told.message, size: image.size } }),
  };
  try {
    const input = Buffer.from(JSON.stringify(factsAsTold(facts)));
    const head = (await message?.read(0, HEAD_BYTES)) ?? new Uint8Array();
    const state = task.state[service.name];
    const values = state && Object.entries(state);
    const notify = leaveAt(task.stage, service.grants.notify);
    const call: Told = {
      kind: 'call',
      exportName: exportOf(task.stage),
      input: input.length,
      message: image && { size: image.size, head: head.length },
      smtputf8: facts.sender?.params['SMTPUTF8'] !== undefined,
      notify,
      state: values?.map(([key, value]) => [key, value.length]),
      discard: asking.discard,
    };
    const parts = [input, head, ...(values ?? []).map(([, value]) => value)];
    const talk = new Talk(channel, { ...asking, message });
    const frame = await talk.untilSaid({ message: call, parts });
    asking.answered();
    const said = await readSaid(frame, { service, message, notify, outage: talk.outage });
    const answer = judge(said, { service, facts, image, broken: message?.broken });
    const lacking = frame.message.lacking ? [service.name] : [];
    return { ...reportOf(answer, asking), lacking };
  } finally {
    await message?.close();
  }
}

/** Has an instance made ahead of need. */
export async function prepareProcess(
  channel: ProcessChannel,
  { service, answered }: Pick<Asking, 'service' | 'answered'>,
): Promise<Report> {
  const frame = await channel.ask({ message: { kind: 'prepare' }, limits: saidLimits(service) });
  answered();
  const { fault } = inPlace(preparedSchema, frame);
  return {
    kind: 'prepared',
    service: service.name,
    fault: fault === undefined ? undefined : cleanFault(fault),
    // Not what it says: it could have itself told to prepare for ever.
    lacking: [],
  };
}

export async function configureProcess(
  channel: ProcessChannel,
  about: Pick<Asking, 'service' | 'answered'>,
): Promise<Report> {
  const { service, answered } = about;
  const limits = saidLimits(service);
  const frame = await channel.ask({ message: { kind: 'configure' }, limits });
  answered();
  const { fault, output } = inPlace(configuredSchema, frame);
  if (output !== undefined && output !== frame.octets.length)
    throw new Liar('it sent other octets than it says');
  return {
    kind: 'configured',
    complaint: complaintOf({
      fault: fault === undefined ? undefined : cleanFault(fault),
      output: output === undefined ? undefined : frame.octets.subarray(0, service.limits.outputBytes),
    }),
  };
}

function reportOf(answer: Answer, { service, micros }: Asking): Report & { kind: 'outcome' } {
  const { result, logs, memoryBytes, readBytes, image, state, wouldModify, notifications } = answer;
  const isAsked = result.kind !== 'notAsked' && !(result.kind === 'failure' && result.unasked === true);
  const outcome: ServiceOutcome = {
    service: service.name,
    result,
    logs,
    memoryBytes,
    micros: isAsked ? micros() : 0,
    modified: image !== undefined,
    ...(readBytes > 0 && { readBytes }),
    ...(wouldModify && { wouldModify: true }),
    ...(notifications && { notifications }),
  };
  return { kind: 'outcome', outcome, image, state, lacking: [] };
}

function inPlace<Schema extends z.ZodType>(schema: Schema, { message }: Frame): z.output<Schema> {
  const parsed = schema.safeParse(message);
  if (!parsed.success) throw new Liar('it said something out of place');
  return parsed.data;
}

/** Honest code reads each window once, and again if the guest jumps between more places than it keeps. */
const READS_PER_WINDOW = 64;

/** What a process asks while it is at work, which must come to an end. */
class Talk {
  /** Which capability was out of order, and why, if one was. */
  outage: string | undefined;
  readonly #channel: ProcessChannel;
  readonly #about: Asking & { readonly message: HostMessage | undefined };
  readonly #limits: FrameLengths;
  #readsLeft: number;
  #asksLeft: number;

  constructor(channel: ProcessChannel, about: Asking & { readonly message: HostMessage | undefined }) {
    this.#channel = channel;
    this.#about = about;
    const said = saidLimits(about.service);
    this.#limits = { json: said.json, octets: Math.max(said.octets, REQUEST_LIMIT) };
    this.#readsLeft = READS_PER_WINDOW * Math.ceil((about.message?.image.size ?? 0) / WINDOW_BYTES);
    this.#asksLeft = about.service.limits.hostCalls;
  }

  async untilSaid(call: { message: Told; parts: readonly Uint8Array[] }): Promise<SaidFrame> {
    let frame = await this.#channel.ask({ ...call, limits: this.#limits });
    for (;;) {
      const message = inPlace(turnSchema, frame);
      if (message.kind === 'said') return { message, octets: frame.octets };
      frame = await (message.kind === 'read'
        ? this.#read(message)
        : this.#ask({ capability: message.capability, octets: new Uint8Array(frame.octets) }));
    }
  }

  async #read({ offset, length }: { offset: number; length: number }): Promise<Frame> {
    const { message } = this.#about;
    if (message === undefined) throw new Liar('it reads a message where there is none');
    if (length > WINDOW_BYTES) throw new Liar(`it asked for ${length} octets of the message at once`);
    if (--this.#readsLeft < 0) throw new Liar('it read the message over and over');
    const parts = [await message.read(offset, length)];
    return this.#channel.ask({ message: { kind: 'octets' }, parts, limits: this.#limits });
  }

  async #ask(request: HostRequest): Promise<Frame> {
    const { capability, octets } = request;
    if (octets.length > REQUEST_LIMIT) throw new Liar(`it sent a request of ${octets.length} octets`);
    if (--this.#asksLeft < 0) throw new Liar('it asks without end');
    const answer = await this.#about.outside(request);
    if (answer.kind === 'answer') {
      const message: Told = { kind: 'answer', refused: undefined };
      return this.#channel.ask({ message, parts: [answer.octets], limits: this.#limits });
    }
    const { error, cause } = answer;
    this.outage ??= outageOf(capability, answer);
    const message: Told = { kind: 'answer', refused: { error, cause } };
    return this.#channel.ask({ message, limits: this.#limits });
  }
}

interface SaidFrame {
  readonly message: SaidMessage;
  readonly octets: Uint8Array;
}
