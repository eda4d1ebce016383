import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Alarm } from './alarm.ts';

const ring = vi.fn<() => void>();
let alarm: Alarm;

beforeEach(() => {
  vi.useFakeTimers();
  ring.mockClear();
  alarm = new Alarm(ring);
});
afterEach(() => {
  vi.useRealTimers();
});

it('rings once, when the time set last is over', () => {
  alarm.set(100);
  vi.advanceTimersByTime(60);
  alarm.set(100);
  vi.advanceTimersByTime(99);
  expect(ring).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(ring).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1000);
  expect(ring).toHaveBeenCalledTimes(1);
});

it('takes another time, shorter or longer', () => {
  alarm.set(1000);
  alarm.set(10);
  vi.advanceTimersByTime(10);
  expect(ring).toHaveBeenCalledTimes(1);
  alarm.set(1000);
  vi.advanceTimersByTime(999);
  expect(ring).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  expect(ring).toHaveBeenCalledTimes(2);
});

it('is silent while unset, and can be set again, also after it has rung', () => {
  alarm.set(100);
  alarm.unset();
  vi.advanceTimersByTime(1000);
  expect(ring).not.toHaveBeenCalled();
  alarm.set(100);
  vi.advanceTimersByTime(100);
  alarm.set(100);
  vi.advanceTimersByTime(100);
  expect(ring).toHaveBeenCalledTimes(2);
});

it('leaves no timer behind once it is cleared', () => {
  alarm.set(100);
  alarm.clear();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(1000);
  expect(ring).not.toHaveBeenCalled();
});
