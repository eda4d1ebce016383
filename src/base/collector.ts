import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * V8's own garbage collection, of all of this thread's heap. The flag is one for all threads of the process, so none takes it back:
 * another may be between these two lines.
 */
export function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  return collect;
}
