import type { CallStatsView, ParticipantStats } from '../generated/view';

/** How far back the statistics look. */
export const WINDOW_MS = 90_000;

/** What one second with somebody was like; null where nothing was measured. */
export interface Sample {
  at: number;
  sentKbps: number;
  receivedKbps: number;
  estimateKbps: number | null;
  sentFps: number;
  receivedFps: number;
  rttMs: number | null;
  lossInPct: number;
  lossOutPct: number;
  soundBufferMs: number;
  pictureBufferMs: number;
}

/** The samples of each participant, oldest first. */
export type History = ReadonlyMap<string, readonly Sample[]>;

export const NO_HISTORY: History = new Map();

/** Adds a second to the history. Whoever left is forgotten, and so is what lies before the window. */
export function remember(history: History, stats: CallStatsView, at: number): History {
  return new Map(
    stats.participants.map((person) => {
      const kept = (history.get(person.id) ?? []).filter((sample) => sample.at > at - WINDOW_MS && sample.at < at);
      return [person.id, [...kept, sampleOf(person, at)]];
    }),
  );
}

function sampleOf({ sent, received, estimate_kbps, rtt_ms }: ParticipantStats, at: number): Sample {
  return {
    at,
    sentKbps: sent.video_kbps + sent.audio_kbps,
    receivedKbps: received.video_kbps + received.audio_kbps,
    estimateKbps: estimate_kbps > 0 ? estimate_kbps : null,
    sentFps: sent.fps,
    receivedFps: received.fps,
    rttMs: rtt_ms,
    lossInPct: received.loss_pct,
    lossOutPct: sent.loss_pct,
    soundBufferMs: received.audio_delay_ms,
    pictureBufferMs: received.video_delay_ms,
  };
}
