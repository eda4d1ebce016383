import type { Alarm } from '../base/alarm.ts';
import type { CapabilityAnswer } from '../ocp/capability.ts';
import type { Outside } from './outside.ts';
import type { Progress } from './progress.ts';
import type { Report, Task } from './wire.ts';
import type { Work } from './work.ts';

/** Something that does a pool's work, one piece at a time: a worker thread (`thread.ts`) or a confined process (`process.ts`). */
export interface CrewMember {
  /** What it is doing; undefined while it starts or waits. */
  work: Work | undefined;
  /** The service of which it makes an instance ahead of need (`ahead.ts`), if it does; it has no work then. */
  preparing: string | undefined;
  /** The services of which it had better do so: what it said last. */
  lacking: readonly string[];
  /** It has said that it can take work. */
  ready: boolean;
  /** It is ending or has ended; the pool has let go of it. */
  gone: boolean;
  /** The index in its task at which it was last found not to have begun. */
  stalledAt: number | undefined;
  /** It was found at a call that takes long (`pool.ts`), and has said nothing since. */
  slow: boolean;
  /** It was found waiting for the answer of a capability for long, and still waits. */
  away: boolean;
  /** Set while it is at work. */
  readonly deadline: Alarm;
  /** Can be read whatever it is doing. */
  readonly progress: Pick<Progress, 'current'>;
  /** Whether its guest waits for an answer; whoever ends it aborts that. */
  readonly outside: Outside;
  send(task: Task): void;
  /** Answers the guest's request. Only one that waits may be told. */
  answer(answer: CapabilityAnswer): void;
  /** A report that has arrived and was not handed over yet. */
  nextReport(): Report | undefined;
  /** Ends it, whatever it is doing. */
  end(): Promise<void>;
}

export interface MemberHandlers {
  report(report: Report): void;
  /** It has ended by itself. */
  exit(cause: string): void;
  /** Its alarm has rung. */
  late(): void;
}
