import type {
  CallDetailsView,
  CallView,
  Figure,
  MediaStats,
  ParticipantStats,
  PersonReport,
  QualityCause,
} from '../../generated/view';
import { ME, PEOPLE } from './world';

/** Scenes `quality-<cause>` show a call that has this trouble. */
const TROUBLES: Record<QualityCause, (calm: ParticipantStats, wave: number) => ParticipantStats> = {
  reconnecting: (calm) => ({ ...calm, quality: 'poor', rtt_ms: null }),
  your_microphone: (calm) => ({ ...calm, quality: 'poor' }),
  their_microphone: (calm) => ({ ...calm, quality: 'poor', received: { ...calm.received, audio_kbps: 0 } }),
  video_paused: (calm, wave) => ({
    ...calm,
    quality: 'poor',
    video_paused: true,
    estimate_kbps: 74 + 6 * wave,
    sent: { ...calm.sent, width: 0, height: 0, fps: 0, video_kbps: 0, audio_kbps: 24 },
    rtt_ms: 180 + 40 * wave,
  }),
  your_upload: (calm, wave) => ({
    ...calm,
    quality: 'fair',
    estimate_kbps: 290 + 30 * wave,
    pacer_queue_ms: 140 + 60 * wave,
    sent: { ...calm.sent, width: 640, height: 360, fps: 14, video_kbps: 240 + 30 * wave },
    rtt_ms: 120 + 30 * wave,
  }),
  their_upload: (calm, wave) => ({
    ...calm,
    quality: 'fair',
    received: { ...calm.received, width: 480, height: 270, fps: 7 + wave, video_kbps: 150 + 20 * wave },
  }),
  loss: (calm, wave) => ({
    ...calm,
    quality: 'poor',
    received: {
      ...calm.received,
      loss_pct: 13 + 4 * wave,
      fps: 19 + 3 * wave,
      concealed_pct: 2.4,
      freezes: 3,
      freeze_ms: 2_100,
    },
  }),
  delay: (calm, wave) => ({ ...calm, quality: 'fair', rtt_ms: 520 + 90 * wave }),
};

/** What is measured of everybody in a call at a moment; it breathes as figures do. */
export function statsOf(scene: string, call: CallView, nowMs: number): ParticipantStats[] {
  const cause = scene.startsWith('quality-') ? (scene.slice('quality-'.length) as QualityCause) : null;
  return call.participants.map((other, place) => {
    const calm = calmStats(other.id, other.display_name, other.camera_on, nowMs / 1_000 + 11 * place);
    if (cause === null || place > 0) return calm;
    return { ...TROUBLES[cause](calm, Math.sin(nowMs / 7_000)), cause };
  });
}

function calmStats(id: string, display_name: string, camera: boolean, seconds: number): ParticipantStats {
  const wave = Math.sin(seconds / 9) + 0.5 * Math.sin(seconds / 2.3);
  const burst = Math.max(0, Math.sin(seconds / 13) - 0.8);
  const media: MediaStats = {
    width: 1280,
    height: 720,
    fps: 30,
    video_kbps: 2_180 + 140 * wave,
    audio_kbps: 36 + 4 * wave,
    loss_pct: 2 * burst,
    jitter_ms: 0,
    audio_delay_ms: 0,
    video_delay_ms: 0,
    concealed_pct: 0,
    freezes: 0,
    freeze_ms: 0,
    video_codec: 'H.264',
    audio_codec: 'Opus',
  };
  const picture = camera
    ? { fps: 29.6 - Math.abs(wave), video_kbps: 1_870 + 220 * Math.sin(seconds / 5) }
    : { width: 0, height: 0, fps: 0, video_kbps: 0 };
  return {
    id,
    display_name,
    sent: media,
    received: {
      ...media,
      ...picture,
      loss_pct: 6 * burst,
      jitter_ms: 5 + 2 * wave,
      audio_delay_ms: 44 + 10 * wave,
      video_delay_ms: camera ? 31 + 8 * wave : 0,
      concealed_pct: 0.3,
      freezes: 1,
      freeze_ms: 240,
    },
    rtt_ms: 34 + 6 * wave + 60 * burst,
    estimate_kbps: 2_900 + 260 * Math.sin(seconds / 17),
    video_paused: false,
    pacer_queue_ms: 2 + Math.abs(wave),
    av_skew_ms: 8 * wave,
    route: 'direct udp',
    quality: 'good',
    cause: null,
  };
}

const figure = (mean: number, max: number): Figure => ({ mean, max });

function report(user_id: string, more: Partial<PersonReport> = {}): PersonReport {
  return {
    user_id,
    seconds: 2_280,
    route: 'direct',
    rtt_ms: figure(38, 212),
    jitter_ms: figure(6, 41),
    loss_in_pct: figure(0.7, 11.2),
    loss_out_pct: figure(0.3, 4.1),
    kbps_in: figure(1_910, 2_460),
    kbps_out: figure(2_150, 2_520),
    fps_in: figure(28.9, 30.4),
    concealed_pct: 0.4,
    freezes: 3,
    freeze_ms: 1_450,
    ...more,
  };
}

/** What the relay keeps of a call. */
export function detailsOf(scene: string, callId: string): CallDetailsView {
  if (scene === 'call-details-none') return { call_id: callId, reports: [] };
  const jisoo = PEOPLE.jisoo!;
  const people = [
    { display_name: jisoo.display_name, figures: report(jisoo.id, { cause: 'their_upload' }) },
    {
      display_name: PEOPLE.tobias!.display_name,
      figures: report(PEOPLE.tobias!.id, { route: 'relayed', freezes: 0, freeze_ms: 0 }),
    },
  ];
  return {
    call_id: callId,
    reports: [
      { measured_by: ME.display_name, mine: true, duration_s: 2_287, setup_ms: 310, people },
      {
        measured_by: jisoo.display_name,
        mine: false,
        duration_s: 2_281,
        setup_ms: 1_240,
        people: [{ display_name: ME.display_name, figures: report(ME.user_id, { cause: 'your_upload' }) }],
      },
    ],
  };
}

/** The background where the person sits; unknown for the first moment. */
export function noiseFloorOf(scene: string, msOfListening: number): number | null {
  if (msOfListening < 600 || scene === 'before-listening') return null;
  if (scene === 'before-loud') return -31;
  return scene === 'before-noise' ? -46 : -63;
}
