import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lengthOf, Typist } from './compose';

it('counts characters as the relay does', () => {
  expect(lengthOf('  häuser  ')).toBe(6);
  expect(lengthOf('👏👏')).toBe(2);
  expect(lengthOf('   ')).toBe(0);
});

describe('Typist', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('tells the first key, renews every three seconds, and tells the end once', () => {
    const told: boolean[] = [];
    const typist = new Typist((typing) => told.push(typing));
    for (let key = 0; key < 8; key++) {
      typist.key('hello');
      vi.advanceTimersByTime(500);
    }
    expect(told).toEqual([true, true]);
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual([true, true, false]);
  });

  it('stops when the text is gone', () => {
    const told: boolean[] = [];
    const typist = new Typist((typing) => told.push(typing));
    typist.key('h');
    typist.key('');
    typist.stop();
    expect(told).toEqual([true, false]);
  });
});
