import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../support/postern.ts';

const BLOCK = Buffer.alloc(4096);

/** A file system of its own, of a given size. Needs root. */
export class SmallDisk {
  readonly path: string;
  readonly #directory = temporaryDirectory();
  readonly #filler: string;

  /** Throws if nothing can be mounted. */
  constructor(mebibytes: number) {
    this.path = join(this.#directory.path, 'disk');
    this.#filler = join(this.path, 'filler');
    mkdirSync(this.path);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', this.path], {
        stdio: 'ignore',
      });
    } catch (error) {
      this.#directory.remove();
      throw error;
    }
  }

  static get canBeMade(): boolean {
    try {
      new SmallDisk(1).remove();
      return true;
    } catch {
      return false;
    }
  }

  /** Octets that are left. */
  get free(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Fills it to the last block, whatever others write meanwhile. */
  fill(): void {
    const filler = openSync(this.#filler, 'a');
    try {
      for (;;) writeSync(filler, BLOCK);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    } finally {
      closeSync(filler);
    }
  }

  empty(): void {
    rmSync(this.#filler, { force: true });
  }

  remove(): void {
    execFileSync('umount', ['-l', this.path]);
    this.#directory.remove();
  }
}
