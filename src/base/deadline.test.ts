import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withDeadline } from './deadline.ts';
import { describeError, OperationalError } from './errors.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const options = { ms: 1000, what: 'the greeting' };

describe('withDeadline', () => {
  it('passes on a result and leaves no timer behind', async () => {
    expect(await withDeadline(Promise.resolve('done'), options)).toBe('done');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('passes on a failure and leaves no timer behind', async () => {
    await expect(withDeadline(Promise.reject(new Error('broken')), options)).rejects.toThrow('broken');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('throws past the deadline, not before, and says what was waited for', async () => {
    const settled = vi.fn<(error: unknown) => void>();
    const waiting = withDeadline(new Promise(() => {}), options).catch(settled);
    await vi.advanceTimersByTimeAsync(999);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await waiting;
    const error = settled.mock.calls[0]?.[0];
    expect(error).toBeInstanceOf(OperationalError);
    expect(error).toMatchObject({
      code: 'deadline',
      message: 'Cannot finish the greeting: no result within 1000 ms',
    });
  });
});

describe('describeError', () => {
  it('gives the whole chain of causes, whatever was thrown', () => {
    const error = new OperationalError('x', 'Cannot write', { cause: new Error('disk full', { cause: 28 }) });
    expect(describeError(error)).toBe('Cannot write: disk full: 28');
    expect(describeError('text')).toBe('text');
    expect(describeError(undefined)).toBe('undefined');
  });
});
