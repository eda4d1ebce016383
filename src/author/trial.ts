import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../base/log.ts';
import { openSpool, SPOOL_MEMORY_LIMIT, spoolOf, type SpoolHandle } from '../base/spool.ts';
import { SyncImageReader } from '../mail/image-reader.ts';
import { imageOf, type MessageImage } from '../mail/image.ts';
import type { Facts } from '../ocp/facts.ts';
import type { ServiceOutcome } from '../ocp/service.ts';
import type { Stage } from '../ocp/stage.ts';
import { createSandbox, type PluginProblem, type SandboxOptions } from '../sandbox/sandbox.ts';
import { exampleFacts } from './example-facts.ts';

/**
 * The author's tools: ask one plugin, in the sandbox that a server has, about facts and a message that somebody made up, and show
 * what came of it. `postern plugin new|build|test|run|bench` are their commands.
 *
 * A trial is one plugin in a sandbox of its own, under one or several services that differ in settings and leave.
 */
export interface Trial {
  /** What the loader and `configure` had to say. */
  readonly problems: readonly PluginProblem[];
  /** Whether the plugin has an export for the stage, or did not load. */
  answers(service: string, stage: Stage): boolean;
  /** Asks once. Never throws for anything that the plugin does. */
  ask(service: string, question: Question): Promise<Asked>;
  /** Ends its threads. */
  close(): Promise<void>;
}

export interface Question {
  readonly stage: Stage;
  /** What differs from `exampleFacts`. */
  readonly facts?: Partial<Facts>;
  /** Octets as they are on the wire, CRLF lines: at `message`, and at `report`, where only the facts tell of it. */
  readonly message?: Uint8Array;
  /** What earlier stages of the transaction left. */
  readonly state?: State;
}

type State = Readonly<Record<string, Uint8Array>>;

export interface Asked {
  readonly outcome: ServiceOutcome;
  /** The message afterwards: the same object as in the question if nothing changed it. Absent where there was none to change. */
  readonly message?: Uint8Array;
  /** What later stages of the transaction would find. */
  readonly state: State;
}

/** Loads and configures the services. Close the trial. */
export async function openTrial(
  options: Pick<SandboxOptions, 'services' | 'readPlugin' | 'workers' | 'capabilities'>,
): Promise<Trial> {
  const { sandbox, problems } = await createSandbox({ workers: 1, ...options, log: silentLog });
  return {
    problems,
    answers: (service, stage) => sandbox.answers(service, stage),
    close: async () => sandbox.close(),
    async ask(service, { stage, facts, message, state }) {
      const spool = message && (await spoolFor(message));
      try {
        const image = spool && imageOf(spool.handle);
        const table = image && sandbox.wantsParts(service) ? await sandbox.partTable(image) : undefined;
        const size = message === undefined ? {} : { message: { size: message.length, ...table } };
        const result = await sandbox.run({
          stage,
          services: [service],
          facts: { ...exampleFacts(stage), ...size, ...facts, stage },
          state: state === undefined ? {} : { [service]: state },
          ...(image && stage === 'message' && { image }),
        });
        const ended = result.image ?? image;
        return {
          outcome: result.outcomes[0]!,
          state: result.state[service] ?? {},
          ...(message &&
            stage === 'message' && {
              message: ended === image || ended === undefined ? message : octetsOf(ended),
            }),
        };
      } finally {
        await spool?.discard();
      }
    },
  };
}

/** As a server keeps it: in memory up to the limit, then in a file, so that what is measured is what will be. */
async function spoolFor(
  message: Uint8Array,
): Promise<{ readonly handle: SpoolHandle; discard(): Promise<void> }> {
  if (message.length <= SPOOL_MEMORY_LIMIT) return spoolOf(message);
  const path = join(tmpdir(), `postern-trial-${randomUUID()}.eml`);
  await writeFile(path, message, { mode: 0o600, flag: 'wx' });
  return {
    handle: { kind: 'file', path, size: message.length },
    discard: () => rm(path, { force: true }),
  };
}

function octetsOf(image: MessageImage): Uint8Array {
  const reader = new SyncImageReader(openSpool(image.spool), image);
  try {
    const octets = new Uint8Array(image.size);
    reader.readInto(octets, 0);
    return octets;
  } finally {
    reader.close();
  }
}
