import type { Log } from '../base/log.ts';
import { spoolOf, type Spool } from '../base/spool.ts';
import type { MessageImage } from '../mail/image.ts';
import type { EsmtpParams } from '../mail/envelope.ts';
import { reply, type Reply } from '../mail/reply.ts';
import { applyToFacts } from '../ocp/apply.ts';
import type { Decision } from '../ocp/decision.ts';
import { createDispatcher } from '../ocp/dispatch.ts';
import { endsGroup } from '../ocp/ends-group.ts';
import type { Facts } from '../ocp/facts.ts';
import { compileRequesters, type RequesterRule } from '../ocp/requesters.ts';
import {
  DEFAULT_SERVICE,
  type CalloutJob,
  type CalloutResult,
  type FailureKind,
  type Service,
  type ServiceOutcome,
  type WhenRule,
} from '../ocp/service.ts';
import type { Stage } from '../ocp/stage.ts';
import type { SessionHandler } from '../smtp/handler.ts';
import type { DownstreamReply } from '../smtp/transaction.ts';
import type { MailToStore, ThroughRelay, Variant } from './forwarder.ts';
import type { ProxyOptions } from './options.ts';
import { createProxy } from './session.ts';

/**
 * A session of the proxy with scripted surroundings, for its unit tests: services that say what they are told, a
 * forwarder that takes everything and remembers it. Dispatch and combination are the real ones.
 */
export interface ScriptedService {
  readonly when?: WhenRule;
  readonly mode?: Service['mode'];
  readonly bypassable?: boolean;
  readonly onFailure?: Service['onFailure'][FailureKind];
  /** By stage: the decision, or how it fails. A stage that is absent is not answered. */
  readonly says: Partial<Record<Stage, (facts: Facts) => Decision | ScriptedFailure>>;
  /** What becomes of the message at `message`. */
  readonly edit?: (image: MessageImage) => MessageImage;
}

interface ScriptedFailure {
  readonly failure: FailureKind;
  readonly unasked?: true;
  readonly probe?: true;
}

interface Surroundings {
  readonly services?: Readonly<Record<string, ScriptedService>>;
  readonly listener?: Partial<ProxyOptions['listener']>;
  /** What the downstream offers; nothing unless said. */
  readonly extensions?: readonly string[];
  /** The relay's replies; whatever is left out is taken. */
  readonly mail?: (downstream: string) => DownstreamReply;
  readonly rcpt?: (address: string, downstream: string) => DownstreamReply;
  readonly deliver?: (address: string, variant: Variant) => DownstreamReply;
  /** Who may ask that services be bypassed; nobody by default. */
  readonly requesters?: readonly RequesterRule[];
  /** `sender recipient` → services that a release lets their mail past. */
  readonly bypasses?: Readonly<Record<string, readonly string[]>> | 'broken';
  /** False: no notice to the sender can be sent. */
  readonly canNotify?: boolean;
  /** Counts a break; by default all of them are counted here. */
  readonly countBreak?: (fingerprint: string) => number;
  /** Stands before the store: throws if the store fails. */
  readonly store?: (mail: MailToStore) => void;
  /** Keeps the store's readers at the spool until it resolves. */
  readonly released?: Promise<void>;
}

/** A variant that was delivered, or given to the store. */
interface SeenVariant {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly downstream: string;
  readonly text: string;
}

export const TEXT = 'Subject: hello\r\nFrom: bob@example.net\r\n\r\nHi\r\n';

export class ProxyBench {
  readonly handler: SessionHandler;
  /** What was asked, in order. */
  readonly asked: { service: string; facts: Facts }[] = [];
  /** What the relay was told: `MAIL <a> at mx`, `RCPT <b> at mx`, `ABORT`. */
  readonly relayed: string[] = [];
  /** Parameters of each MAIL to the relay. */
  readonly senders: EsmtpParams[] = [];
  readonly delivered: SeenVariant[] = [];
  readonly stored: MailToStore[] = [];
  readonly lines: { level: keyof Log; message: string; fields: Record<string, unknown> }[] = [];
  discards = 0;
  /** How often each message broke a service. */
  /** Of each transaction that ended, whether somebody may have its mail. */
  readonly ended: boolean[] = [];
  readonly breaks = new Map<string, number>();
  /** Calls of `hold`, and how often each was let go of. */
  readonly holds: number[] = [];

  constructor(surroundings: Surroundings = {}) {
    const options = this.#options(surroundings);
    this.handler = createProxy(() => options)({
      sessionId: 'session',
      address: '192.0.2.7',
      port: 40_312,
      localAddress: '192.0.2.1',
      localPort: 25,
    });
  }

  /** A whole session with one message, up to the first refusal that ends it. Stage → reply code; `rcpt` for each recipient. */
  async converse(
    about: { recipients?: readonly string[]; sender?: string; params?: EsmtpParams; text?: string } = {},
  ): Promise<Codes> {
    const { recipients = ['ann@example.com'], sender = 'bob@example.net', params = {} } = about;
    const codes: Codes = { rcpt: [], message: [] };
    const note = (stage: Exclude<Stage, 'rcpt' | 'message' | 'report'>, said: Reply): boolean => {
      codes[stage] = said.code;
      return said.code < 400;
    };
    const { handler } = this;
    const steps = async (): Promise<void> => {
      if (!note('connect', (await handler.connect()).reply)) return;
      const helo = { verb: 'EHLO', name: 'mx.example.net' } as const;
      if (!note('helo', (await handler.helo(helo)).reply)) return;
      if (!note('starttls', (await handler.starttls({ version: 'TLSv1.3', cipher: 'c' })).reply)) return;
      await handler.helo(helo);
      if (!note('auth', (await handler.auth({ user: 'bob', mechanism: 'PLAIN' })).reply)) return;
      if (!note('mail', (await handler.mail({ address: sender, params })).reply)) return;
      for (const address of recipients)
        codes.rcpt.push((await handler.rcpt({ address, params: {} })).reply.code);
      if (codes.rcpt.every((code) => code >= 400)) return handler.reset({ by: 'client' });
      if (!note('data', (await handler.data()).reply)) return handler.reset({ by: 'client' });
      const answers = await handler.message(this.spool(about.text));
      codes.message.push(...answers.map((answer) => answer.reply.code));
    };
    await steps();
    await handler.close('end of test');
    return codes;
  }

  spool(text: string = TEXT): Spool {
    const spool = spoolOf(Buffer.from(text, 'latin1'));
    return {
      handle: spool.handle,
      size: spool.size,
      read: (offset, length) => spool.read(offset, length),
      discard: async () => {
        this.discards += 1;
        await spool.discard();
      },
    };
  }

  /** Everything that was given to the store, without the messages. */
  get kept(): { queue: string[]; quarantine: string[]; bounces: string[] } {
    const all = <T>(pick: (mail: MailToStore) => readonly T[]): T[] => this.stored.flatMap(pick);
    return {
      queue: all(({ queue }) => queue).map(({ sender, recipients, downstream }) =>
        [`<${sender.address}>`, ...recipients.map(({ address }) => address), `at ${downstream}`].join(' '),
      ),
      quarantine: all(({ quarantine }) => quarantine).map(
        ({ sender, recipients, downstream, service }) =>
          `<${sender.address}> ${recipients.map(({ address }) => address).join(' ')} at ${downstream} by ${service}`,
      ),
      bounces: all(({ bounces }) => bounces).flatMap(({ sender, recipients }) =>
        recipients.map(
          ({ recipient, reply: said }) => `<${sender.address}> ${recipient.address} ${said.code}`,
        ),
      ),
    };
  }

  /** What was delivered through, or given to the queue. */
  async forwarded(): Promise<SeenVariant[]> {
    const queued = this.stored.flatMap(({ queue }) => queue);
    return [...this.delivered, ...(await Promise.all(queued.map(seen)))];
  }

  #options(surroundings: Surroundings): ProxyOptions {
    const { services = {}, listener = {} } = surroundings;
    const configured = Object.entries(services).map(
      ([name, { mode = 'enforce', onFailure = 'tempfail', bypassable = false }]) => ({
        name,
        plugin: name,
        ...DEFAULT_SERVICE,
        mode,
        bypassable,
        allowModify: true,
        onFailure: { load: onFailure, trap: onFailure, deadline: onFailure, capability: onFailure },
      }),
    );
    const group = {
      name: 'group',
      entries: Object.entries(services).map(([service, { when }]) => ({ service, ...(when && { when }) })),
    };
    const callouts = {
      answers: (service: string, stage: Stage) => services[service]?.says[stage] !== undefined,
      run: async (job: CalloutJob) => this.#ask(job, services),
      wantsParts: () => false,
      partTable: () => Promise.resolve(undefined),
      openBreakers: () => [],
      close: async () => {},
    };
    const byName = new Map(configured.map((service) => [service.name, service]));
    return {
      hostname: 'gate.test',
      listener: {
        name: 'inbound',
        protocol: 'smtp',
        domains: undefined,
        downstream: 'mx',
        mode: 'through',
        mixedVerdicts: 'bounce',
        ...listener,
      },
      dispatcher: createDispatcher({
        callouts,
        group,
        services: byName,
        meters: new Map(),
        keysOf: () => '',
      }),
      forwarder: {
        canNotify: (sender) => sender !== '' && (surroundings.canNotify ?? true),
        extensions: async () => new Map((surroundings.extensions ?? []).map((name) => [name, ''])),
        through: () => this.#relay(surroundings),
        store: async (mail) => {
          surroundings.store?.(mail);
          this.stored.push(mail);
          return { ids: [], released: surroundings.released ?? Promise.resolve() };
        },
      },
      opes: {
        system: 'mailto:postmaster@gate.test',
        requesters: compileRequesters(surroundings.requesters ?? []),
      },
      bypasses: {
        findBypasses: async ({ sender, recipient }) => {
          const { bypasses = {} } = surroundings;
          if (bypasses === 'broken') throw new Error('the store is broken');
          return bypasses[`${sender} ${recipient}`] ?? [];
        },
      },
      blobs: { ended: (_transaction, taken) => void this.ended.push(taken) },
      breaks: {
        countBreak: async ({ fingerprint }) => {
          const times = surroundings.countBreak?.(fingerprint) ?? (this.breaks.get(fingerprint) ?? 0) + 1;
          this.breaks.set(fingerprint, times);
          return times;
        },
      },
      log: this.#log,
      hold: () => {
        const at = this.holds.push(0) - 1;
        return () => {
          this.holds[at]! += 1;
        };
      },
    };
  }

  #ask(job: CalloutJob, services: Readonly<Record<string, ScriptedService>>): CalloutResult {
    const outcomes: ServiceOutcome[] = [];
    let { facts, image } = job;
    for (const service of job.services) {
      const { says, edit, mode, onFailure = 'tempfail' } = services[service]!;
      this.asked.push({ service, facts });
      const said = says[job.stage]!(facts);
      const failed = 'failure' in said;
      const result: ServiceOutcome['result'] = failed
        ? { kind: 'failure', cause: 'scripted', ...said }
        : { kind: 'decision', decision: said };
      const modified = image !== undefined && edit !== undefined && !failed;
      if (modified) image = edit(image!);
      outcomes.push({ service, micros: 1, result, logs: [], modified, memoryBytes: 0 });
      if (mode === 'monitor') continue;
      if (failed ? onFailure !== 'accept' : endsGroup(said)) break;
      if (!failed) facts = applyToFacts(facts, said);
    }
    return { outcomes, ...(image && { image }), state: job.state };
  }

  #relay(surroundings: Surroundings): ThroughRelay {
    const { mail, rcpt, deliver } = surroundings;
    return {
      mail: async (sender, downstream) => {
        this.relayed.push(`MAIL <${sender.address}> at ${downstream}`);
        this.senders.push(sender.params);
        return mail?.(downstream) ?? reply(250, '2.1.0', 'sender taken');
      },
      rcpt: async ({ address }, downstream) => {
        this.relayed.push(`RCPT <${address}> at ${downstream}`);
        return rcpt?.(address, downstream) ?? reply(250, '2.1.5', 'recipient taken');
      },
      deliver: async (variants) => {
        const replies: DownstreamReply[][] = [];
        for (const variant of variants) {
          const shown = await seen(variant);
          this.delivered.push(shown);
          replies.push(
            shown.recipients.map(
              (address) => deliver?.(address, variant) ?? reply(250, '2.0.0', 'message taken'),
            ),
          );
        }
        return replies;
      },
      abort: async () => {
        this.relayed.push('ABORT');
      },
    };
  }

  get #log(): Log {
    const take =
      (level: keyof Log) =>
      (fields: object, message: string): void => {
        this.lines.push({ level, message, fields: { ...fields } });
      };
    return { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') };
  }
}

interface Codes extends Partial<Record<Stage, number | number[]>> {
  readonly rcpt: number[];
  readonly message: number[];
}

async function seen({ sender, recipients, downstream, source }: Variant): Promise<SeenVariant> {
  const octets = await source.read(0, source.size);
  return {
    sender: sender.address,
    recipients: recipients.map(({ address }) => address),
    downstream,
    text: Buffer.from(octets).toString('latin1'),
  };
}

/** The message below our own Received field, and below the trace of services that changed it. */
export const belowTrace = (text: string): string =>
  text.replace(/^Received: .*\r\n(?:[ \t].*\r\n)*(?:OPES-\w+: .*\r\n(?:[ \t].*\r\n)*)*/, '');
