import { OperationalError } from './errors.ts';

/**
 * Waits for `promise`, at most `ms` milliseconds. Past that it throws an OperationalError `deadline` that names
 * what was waited for. The promise itself goes on: whoever started the work must also end it.
 */
export async function withDeadline<T>(
  promise: Promise<T>,
  options: { ms: number; what: string },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new OperationalError('deadline', `Cannot finish ${options.what}: no result within ${options.ms} ms`),
      );
    }, options.ms);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
