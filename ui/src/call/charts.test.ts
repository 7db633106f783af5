import { describe, expect, it } from 'vitest';
import type { ParticipantStats } from '../generated/view';
import { linePath, scaleEnd, valuesOf } from './chart';
import { NO_HISTORY, remember, WINDOW_MS } from './history';

const media = {
  width: 1280,
  height: 720,
  fps: 30,
  video_kbps: 1_000,
  audio_kbps: 30,
  loss_pct: 0,
  jitter_ms: 3,
  audio_delay_ms: 40,
  video_delay_ms: 20,
  concealed_pct: 0,
  freezes: 0,
  freeze_ms: 0,
  video_codec: 'H.264',
  audio_codec: 'Opus',
};

function person(id: string, more: Partial<ParticipantStats> = {}): ParticipantStats {
  return {
    id,
    display_name: id,
    sent: media,
    received: { ...media, video_kbps: 500 },
    rtt_ms: 30,
    estimate_kbps: 0,
    pacer_queue_ms: 0,
    video_paused: false,
    av_skew_ms: null,
    route: 'direct udp',
    quality: 'good',
    cause: null,
    ...more,
  };
}

describe('the history of a call', () => {
  it('keeps the window and no more', () => {
    let history = NO_HISTORY;
    for (let second = 0; second <= 200; second++)
      history = remember(history, { participants: [person('a')] }, second * 1_000);
    const samples = history.get('a')!;
    expect(samples).toHaveLength(WINDOW_MS / 1_000);
    expect(samples.at(-1)).toMatchObject({ at: 200_000, sentKbps: 1_030, receivedKbps: 530, estimateKbps: null });
  });

  it('forgets who left and begins anew with who comes', () => {
    let history = remember(NO_HISTORY, { participants: [person('a')] }, 1_000);
    history = remember(history, { participants: [person('b', { rtt_ms: null })] }, 2_000);
    expect([...history.keys()]).toEqual(['b']);
    expect(history.get('b')![0]!.rttMs).toBeNull();
  });

  it('stands a clock that was set back', () => {
    let history = remember(NO_HISTORY, { participants: [person('a')] }, 90_000);
    history = remember(history, { participants: [person('a')] }, 10_000);
    expect(history.get('a')!.map((sample) => sample.at)).toEqual([10_000]);
  });
});

describe('a scale', () => {
  it('ends at a round number above every value', () => {
    expect([3, 20, 21, 999, 1_000, 1_001, 4_200].map((value) => scaleEnd([value], 1))).toEqual([
      4, 20, 40, 1_000, 1_000, 2_000, 6_000,
    ]);
  });

  it('never shrinks below what is worth seeing', () => {
    expect(scaleEnd([], 5)).toBe(6);
    expect(scaleEnd([0.2, Number.NaN], 5)).toBe(6);
  });
});

describe('a line', () => {
  const at = (seconds: number, rttMs: number | null) =>
    remember(NO_HISTORY, { participants: [person('a', { rtt_ms: rttMs })] }, seconds * 1_000).get('a')![0]!;
  const series = { of: (sample: { rttMs: number | null }) => sample.rttMs };
  const box = { width: 90, height: 10, end: 100, now: 90_000 };

  it('runs from left to right with zero at the foot', () => {
    expect(linePath([at(30, 0), at(31, 50), at(32, 100)], series, box)).toBe('M30.0 10.0h0L31.0 5.0L32.0 0.0');
  });

  it('breaks where nothing was measured', () => {
    const samples = [at(30, 10), at(31, null), at(32, 10), at(40, 10)];
    expect(linePath(samples, series, box).match(/M/g)).toHaveLength(3);
    expect(valuesOf(samples, [series])).toEqual([10, 10, 10]);
  });

  it('stays inside its box', () => {
    expect(linePath([at(60, 900), at(61, -5)], series, box)).toBe('M60.0 0.0h0L61.0 10.0');
    expect(linePath([at(-60, 5)], series, box)).toBe('');
  });
});
