// Pictures of a y4m clip into libwebrtc, and out of it with the time at which each was shown.

import { closeSync, openSync, readSync, statSync } from 'node:fs';
import wrtc from '@roamhq/wrtc';
import { readMark, stampMark } from '../pages/mark.js';
import { Pace, wallMs } from './clock.js';

const { RTCVideoSource, RTCVideoSink } = wrtc.nonstandard;
const FRAME_HEAD = 'FRAME\n'.length;

export class ClipSource {
  #source = new RTCVideoSource();
  #clip;
  #pace;
  #setup;

  /** `setup`: see `Picture` in `end.rs`. */
  constructor(setup) {
    this.#setup = setup;
    this.#clip = new Clip(setup);
    this.track = this.#source.createTrack();
  }

  start() {
    const { width, height, fps, with_clock } = this.#setup;
    let sequence = 0;
    this.#pace = new Pace(1000 / fps, () => {
      const data = this.#clip.picture(sequence);
      if (with_clock) stampMark(data, width, height, sequence, Math.floor(wallMs()) % 2 ** 32);
      this.#source.onFrame({ width, height, data });
      sequence += 1;
    });
  }

  stop() {
    this.#pace.stop();
    this.track.stop();
    this.#clip.close();
  }
}

/** Plays forward and backward, so that there is no jump where it begins anew. */
class Clip {
  #file;
  #head;
  #bytes;
  #count;

  constructor({ clip, width, height }) {
    this.#file = openSync(clip, 'r');
    const start = Buffer.alloc(256);
    readSync(this.#file, start, 0, start.length, 0);
    this.#head = start.indexOf('\n') + 1;
    this.#bytes = (width * height * 3) / 2;
    this.#count = Math.floor((statSync(clip).size - this.#head) / (this.#bytes + FRAME_HEAD));
  }

  picture(sequence) {
    const place = sequence % (2 * this.#count - 2);
    const index = place < this.#count ? place : 2 * this.#count - 2 - place;
    const data = new Uint8Array(this.#bytes);
    readSync(this.#file, data, 0, data.length, this.#head + index * (this.#bytes + FRAME_HEAD) + FRAME_HEAD);
    return data;
  }

  close() {
    closeSync(this.#file);
  }
}

export class PictureSink {
  #sink;
  #shown = [];
  #size = { width: 0, height: 0 };

  /** `onFirst(at)` is called for the first picture. */
  constructor(track, readsMarks, onFirst) {
    this.#sink = new RTCVideoSink(track);
    let isFirst = true;
    this.#sink.onframe = ({ frame: { width, height, data } }) => {
      const at_ms = wallMs();
      if (isFirst) onFirst(at_ms);
      isFirst = false;
      this.#size = { width, height };
      const mark = readsMarks ? readMark(width, height, (x, y) => data[y * width + x]) : null;
      // Both count milliseconds modulo 2^32.
      const latency_ms = mark && (Math.floor(at_ms) % 2 ** 32 - mark.clockMs) | 0;
      this.#shown.push({ at_ms, latency_ms });
    };
  }

  /** What was shown since the last time. */
  take() {
    return { pictures: this.#shown.splice(0), ...this.#size };
  }

  stop() {
    this.#sink.stop();
  }
}
