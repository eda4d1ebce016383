/**
 * Finds a process that works though it has nothing to do. A deadline ends what computes during a call; but code that has taken a process
 * over could go on between the calls, in threads of the engine. The engine has work of its own then, compiling mostly, which comes to
 * an end: so it is half of a CPU for as long as two looks, one after the other, without a call in between.
 */
export const LOOK_EVERY_MS = 10_000;

const WORKING_MS = LOOK_EVERY_MS / 2;

export class IdleWatch {
  #last: { readonly calls: number; readonly cpuMs: number } = { calls: -1, cpuMs: 0 };
  #hasWorked = false;

  /** Told each LOOK_EVERY_MS how many calls there have been and what the process has used; true if it must go. */
  look(now: { readonly calls: number; readonly cpuMs: number }): boolean {
    const isWorking = now.calls === this.#last.calls && now.cpuMs - this.#last.cpuMs > WORKING_MS;
    const mustGo = isWorking && this.#hasWorked;
    this.#last = now;
    this.#hasWorked = isWorking;
    return mustGo;
  }
}
