// Sound into libwebrtc in chunks of 10 ms, and out of it, listening for clicks: one at every full second of the wall clock.

import { readFileSync } from 'node:fs';
import wrtc from '@roamhq/wrtc';
import { Pace, wallMs } from './clock.js';

const { RTCAudioSource, RTCAudioSink } = wrtc.nonstandard;

const RATE = 48_000;
const CHUNK = RATE / 100;
// As in `parley_media::mark::click`.
const [CLICK_SAMPLES, CLICK_HZ, CLICK_AMPLITUDE] = [480, 2_000, 0.6];
const [WINDOW, MIN_ENERGY, CONTRAST, DEAF_MS] = [48, 0.001, 20, 500];
const SILENCE = 100;

export class SoundSource {
  #source = new RTCAudioSource();
  #pace;
  #setup;

  /** `setup`: see `Sound` in `end.rs`. */
  constructor(setup) {
    this.#setup = setup;
    this.track = this.#source.createTrack();
  }

  start() {
    const { clicks, file } = this.#setup;
    const fill = file ? fromFile(file.path) : clickTrack();
    // A clock that is fast takes its 480 samples in less time.
    const period = 10 / (1 + (clicks?.drift_ppm ?? 0) / 1e6);
    this.#pace = new Pace(period, (beganAt) => {
      const samples = new Int16Array(CHUNK);
      fill(samples, beganAt);
      this.#source.onData({ samples, sampleRate: RATE, bitsPerSample: 16, channelCount: 1, numberOfFrames: CHUNK });
    });
  }

  stop() {
    this.#pace.stop();
    this.track.stop();
  }
}

function clickTrack() {
  let next = null;
  return (samples, beganAt) => {
    const wanted = Math.round(((beganAt % 1000) * RATE) / 1000);
    const step = next === null ? RATE : (wanted - next + RATE) % RATE;
    const start = Math.min(step, RATE - step) <= 96 ? next : wanted;
    samples.forEach((_, offset) => {
      const at = (start + offset) % RATE;
      if (at < CLICK_SAMPLES) {
        samples[offset] = 32_767 * CLICK_AMPLITUDE * Math.sin((at / RATE) * CLICK_HZ * 2 * Math.PI);
      }
    });
    next = (start + CHUNK) % RATE;
  };
}

/** A WAV file of 48 kHz, mono, 16 bit, in a loop. */
function fromFile(path) {
  const bytes = readFileSync(path);
  const head = bytes.indexOf('data') + 8;
  const clip = new Int16Array(bytes.buffer.slice(bytes.byteOffset + head, bytes.byteOffset + bytes.length));
  let at = 0;
  return (samples) => {
    samples.forEach((_, offset) => (samples[offset] = clip[(at + offset) % clip.length]));
    at = (at + samples.length) % clip.length;
  };
}

export class SoundSink {
  #sink;
  #clicks = [];
  #background = 0;
  #deafUntil = 0;

  /** `onFirst(at)` is called for the first sound that is none of silence. */
  constructor(track, listens, onFirst) {
    this.#sink = new RTCAudioSink(track);
    let isFirst = true;
    this.#sink.ondata = ({ samples, sampleRate }) => {
      const at = wallMs();
      if (isFirst && samples.some((sample) => Math.abs(sample) > SILENCE)) {
        isFirst = false;
        onFirst(at);
      }
      if (listens && sampleRate === RATE) this.#listen(samples, at);
    };
  }

  /** The first sample is heard at `heardAt`: the sink is the loudspeaker. */
  #listen(samples, heardAt) {
    for (let from = 0; from + WINDOW <= samples.length; from += WINDOW) {
      const window = samples.subarray(from, from + WINDOW);
      const energy = bandEnergy(window);
      if (heardAt > this.#deafUntil && energy > MIN_ENERGY && energy > this.#background * CONTRAST) {
        const at_ms = heardAt + ((from + firstLoud(window)) * 1000) / RATE;
        // The last millisecond of a second is a click that was timed a little early.
        const since = at_ms % 1000;
        this.#clicks.push({ at_ms, latency_ms: since >= 999 ? 0 : since });
        this.#deafUntil = at_ms + DEAF_MS;
      }
      this.#background += (energy - this.#background) * 0.02;
    }
  }

  /** The clicks since the last time. */
  take() {
    return this.#clicks.splice(0);
  }

  stop() {
    this.#sink.stop();
  }
}

function bandEnergy(window) {
  let [re, im] = [0, 0];
  window.forEach((sample, n) => {
    const phase = (n * CLICK_HZ * 2 * Math.PI) / RATE;
    re += (sample / 32_768) * Math.cos(phase);
    im += (sample / 32_768) * Math.sin(phase);
  });
  return ((re * re + im * im) * 2) / (WINDOW * WINDOW);
}

function firstLoud(window) {
  const peak = window.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
  return window.findIndex((sample) => Math.abs(sample) > peak * 0.3);
}
