import { OperationalError, describeError } from '../base/errors.ts';
import { blobsOf } from './blob-table.ts';
import { bypassesOf } from './bypasses.ts';
import { contentsOf } from './content.ts';
import { sqliteCode, type OpenDatabase } from './database.ts';
import { incidentsOf } from './incidents.ts';
import { keyValuesOf } from './key-values.ts';
import { roomIn } from './room.ts';
import type {
  Answer,
  FromThread,
  Operation,
  ReadOperation,
  Request,
  ThreadOptions,
  WireError,
  WriteOperation,
} from './protocol.ts';
import { isRead, readsOf } from './reads.ts';
import { transactionsOf, type StepOutcome } from './transaction.ts';
import { upkeepOf } from './upkeep.ts';
import { octetsIn, takesSteps, writesOf, type Steps } from './writes.ts';

/**
 * How the store's thread works: in turns. A turn takes all requests that have come in, answers the reads, then does the
 * writes in one transaction and answers them together. While it waits for the disk the next turn's requests gather:
 * that is the group commit, without a delay of its own.
 *
 * A turn is bounded: small writes up to 4 MiB, and one step (1 MiB, or 500 entries) of the oldest large write. So a
 * message of 25 MB makes a small one that arrives with it wait for a step, not for its whole length. Large writes follow
 * one another in order.
 */
export interface Turns {
  readonly receive: (requests: readonly Request[]) => void;
}

interface TurnOptions extends ThreadOptions {
  readonly say: (message: FromThread, transfer: readonly ArrayBuffer[]) => void;
  /** What has come in since, without waiting; undefined if nothing has. */
  readonly receiveMore: () => readonly Request[] | undefined;
  /** The database is closed; nothing more will be said. */
  readonly closed: () => void;
}

interface Write {
  /** undefined: the sweep, which nobody waits for. */
  readonly number: number | undefined;
  readonly octets: number;
  readonly steps: Steps<unknown>;
}

const TURN_OCTETS = 4 * 1024 * 1024;
const IDLE_MS = 500;
/** What is refused when there is little room on the disk. */
const ADDING: ReadonlySet<string> = new Set<Operation>(['commit', 'kvPut', 'kvIncrement', 'blobReserve']);

export function turnsOf({ db, close }: OpenDatabase, options: TurnOptions): Turns {
  const { path, role, say } = options;
  const contents = contentsOf(db, { role });
  const keyValues = keyValuesOf(db);
  const tables = {
    contents,
    keyValues,
    blobs: blobsOf(db),
    bypasses: bypassesOf(db),
    incidents: incidentsOf(db),
  };
  const reads = readsOf(db, tables);
  const writes = writesOf(db, tables);
  const transactions = transactionsOf(db, path);
  const upkeep = upkeepOf(db);
  const room = roomIn(path, { reserve: options.reserveOctets });

  const reading: Request<ReadOperation>[] = [];
  const small: Write[] = [];
  const large: Write[] = [];
  const counted = { writes: 0, reads: 0 };
  let answers: Answer[] = [];
  let transfer: ArrayBuffer[] = [];
  let closing: number | undefined;
  let scheduled = false;
  /** A sweep failed: once more when there is nothing else to do, for now there may be no room for it. */
  let sweepLater = false;
  const idle = setTimeout(keepUp, IDLE_MS);
  contents.sweepDue = role === 'server'; // what a crash left behind

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(turn);
  }

  function receive(requests: readonly Request[]): void {
    const full = requests.some(({ op }) => ADDING.has(op)) ? room.lack() : undefined;
    for (const request of requests) {
      if (request.op === 'close') closing = request.number;
      else if (isRead(request)) reading.push(request);
      else if (ADDING.has(request.op) && full !== undefined) answer(request.number, { failed: full });
      else addWrite(request);
    }
    schedule();
  }

  function addWrite(request: Request<WriteOperation>): void {
    const queue = takesSteps(request) ? large : small;
    queue.push({ number: request.number, octets: octetsIn(request), steps: start(request) });
  }

  function start<K extends WriteOperation>({ op, request }: Request<K>): Steps<unknown> {
    return writes[op](request);
  }

  function turn(): void {
    for (let more = options.receiveMore(); more !== undefined; more = options.receiveMore()) receive(more);
    scheduled = false;
    answerReads();
    const batch = nextBatch();
    if (batch.length > 0) finish(batch, transactions.run(batch.map(({ steps }) => steps)));
    sayAnswers();
    if (small.length + large.length > 0 || contents.sweepDue) schedule();
    else if (closing !== undefined) end(closing);
    else idle.refresh();
  }

  function answerReads(): void {
    for (const request of reading.splice(0)) answerRead(request);
    sayAnswers();
  }

  function answerRead<K extends ReadOperation>({ number, op, request }: Request<K>): void {
    counted.reads++;
    try {
      const value = reads[op](request);
      if (value instanceof Uint8Array && value.buffer instanceof ArrayBuffer) transfer.push(value.buffer);
      answer(number, { value });
    } catch (error) {
      answer(number, { failed: sqliteCode(error) === '' ? error : unreadable(error) });
    }
  }

  function unreadable(cause: unknown): OperationalError {
    const message = `Cannot read from the store ${path}: ${describeError(cause)}`;
    return new OperationalError('store_unavailable', message, { cause });
  }

  function nextBatch(): Write[] {
    if (large.length === 0 && contents.sweepDue) {
      contents.sweepDue = false;
      large.push({ number: undefined, octets: 0, steps: contents.sweep() });
    }
    let count = 0;
    for (let octets = 0; count < small.length && octets < TURN_OCTETS; count++)
      octets += small[count]!.octets;
    return [...small.splice(0, count), ...large.slice(0, 1)];
  }

  function finish(batch: readonly Write[], outcomes: readonly StepOutcome[]): void {
    for (const [index, write] of batch.entries()) {
      const outcome = outcomes[index]!;
      if (outcome.kind === 'more') continue;
      const isLarge = write === large[0];
      if (isLarge) large.shift();
      if (write.number === undefined) {
        sweepLater ||= outcome.kind === 'failed';
        continue;
      }
      counted.writes++;
      if (outcome.kind === 'done') {
        answer(write.number, { value: outcome.value });
      } else {
        answer(write.number, { failed: outcome.error });
        if (isLarge) contents.sweepDue = true; // what its earlier steps wrote
      }
    }
  }

  function answer(number: number, result: { value: unknown } | { failed: unknown }): void {
    answers.push(
      'failed' in result ? { number, error: wireError(result.failed) } : { number, value: result.value },
    );
  }

  function sayAnswers(): void {
    if (answers.length === 0) return;
    const { commits, failedCommits } = transactions;
    say({ kind: 'answers', answers, stats: { ...counted, commits, failedCommits } }, transfer);
    answers = [];
    transfer = [];
  }

  function keepUp(): void {
    if (scheduled) return;
    if (sweepLater) {
      sweepLater = false;
      contents.sweepDue = true;
      schedule();
      return;
    }
    try {
      if (upkeep()) setImmediate(keepUp);
    } catch (error) {
      say({ kind: 'note', text: `Cannot tidy the store ${path}: ${describeError(error)}` }, []);
    }
  }

  function end(number: number): void {
    clearTimeout(idle);
    let failure: { error: WireError } | { value: undefined } = { value: undefined };
    try {
      close();
    } catch (error) {
      failure = { error: wireError(error) };
    }
    answers.push({ number, ...failure });
    sayAnswers();
    options.closed();
  }

  schedule();
  return { receive };
}

/** An error as plain data. */
export function wireError(error: unknown): WireError {
  const message = describeError(error);
  return error instanceof OperationalError ? { code: error.code, message } : { message };
}
