import { describe, expect, it } from 'vitest';
import { isQuiet, morningAfter, quietLine, whenOver } from './doNotDisturb';

const at = (day: number, hour: number, minute = 0) => new Date(2026, 4, day, hour, minute).getTime();
/** The space before AM and PM is a narrow one in newer ICU data. */
const plain = (text: string) => text.replace(/\u202f/g, ' ');

describe('do not disturb', () => {
  it('lasts until the morning that comes', () => {
    expect(morningAfter(at(12, 22))).toBe(at(13, 8));
    expect(morningAfter(at(12, 9))).toBe(at(13, 8));
    expect(morningAfter(at(12, 2))).toBe(at(12, 8));
    expect(morningAfter(at(12, 5))).toBe(at(13, 8));
    expect(morningAfter(at(31, 23))).toBe(new Date(2026, 5, 1, 8).getTime());
  });

  it('is over when its time has come', () => {
    const setting = { type: 'until', at_ms: at(12, 14, 5) } as const;
    expect(isQuiet(setting, at(12, 14, 4))).toBe(true);
    expect(isQuiet(setting, at(12, 14, 5))).toBe(false);
    expect(isQuiet({ type: 'on' }, at(12, 14))).toBe(true);
    expect(isQuiet({ type: 'off' }, at(12, 14))).toBe(false);
  });

  it('says until when', () => {
    expect(plain(whenOver(at(12, 14, 5), at(12, 9)))).toBe('2:05 PM');
    expect(plain(whenOver(at(13, 8), at(12, 22)))).toBe('tomorrow, 8:00 AM');
    expect(plain(whenOver(at(15, 8), at(12, 22)))).toBe('May 15, 8:00 AM');
    expect(plain(quietLine({ type: 'until', at_ms: at(12, 14, 5) }, at(12, 9)))).toBe('Do not disturb until 2:05 PM');
    expect(quietLine({ type: 'until', at_ms: at(12, 8) }, at(12, 9))).toBe('');
    expect(quietLine({ type: 'on' }, at(12, 9))).toBe('Do not disturb is on');
  });
});
