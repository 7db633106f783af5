// Measures what a person would see and hear: marks inside picture and sound, read where they would be shown and played.

import { readMark } from './mark.js';

export class Meter {
  #peer;
  #stopped = false;
  /** Marks of pictures as [sequence, ms of the wall clock], and beginnings of clicks in ms of the wall clock. */
  seen = { local: { pictures: [], clicks: [] }, remote: { pictures: [], clicks: [] } };

  constructor(peer) {
    this.#peer = peer;
  }

  /** The remote picture as it is shown: its size, how much it varies, and the mark in it. */
  picture() {
    const { video } = this.#peer.connection;
    const [width, height] = [video.videoWidth, video.videoHeight];
    if (!width) return null;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    const pixels = context.getImageData(0, 0, width, height).data;
    let [sum, squares, count] = [0, 0, 0];
    for (let at = 0; at < pixels.length; at += 64) {
      sum += pixels[at + 1];
      squares += pixels[at + 1] ** 2;
      count += 1;
    }
    const deviation = Math.sqrt(squares / count - (sum / count) ** 2);
    return { width, height, deviation, mark: readMark(width, height, (x, y) => luma(pixels, y * width + x)) };
  }

  /** Stops showing the other's picture: what is measured then is the call alone. */
  stopDrawing() {
    const { video, stream } = this.#peer.connection;
    video.srcObject = new MediaStream(stream.getAudioTracks());
  }

  /** Notes marks and clicks, of the own devices and of what arrives, from here on. */
  start() {
    for (const [side, stream] of [['local', this.#peer.media], ['remote', this.#peer.connection.stream]]) {
      this.#watchPictures(stream.getVideoTracks()[0], this.seen[side].pictures);
      this.#listen(stream.getAudioTracks()[0], this.seen[side].clicks);
    }
  }

  stop() {
    this.#stopped = true;
    return this.seen;
  }

  async #watchPictures(track, marks) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    const strip = new Uint8Array(4096 * 512);
    while (!this.#stopped) {
      const { value: frame } = await reader.read();
      if (!frame) break;
      const now = wallMs();
      const { width, height } = frame.visibleRect;
      // Only the rows that hold the mark.
      const rows = Math.ceil(height / 11 / 2) * 2 + 2;
      const layout = await frame.copyTo(strip, { rect: { x: 0, y: 0, width, height: rows } });
      const mark = readMark(width, height, (x, y) => strip[layout[0].offset + y * layout[0].stride + x]);
      frame.close();
      if (mark) marks.push([mark.sequence, now]);
    }
    await reader.cancel();
  }

  async #listen(track, clicks) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    let deafUntil = 0;
    while (!this.#stopped) {
      const { value: data } = await reader.read();
      if (!data) break;
      const now = wallMs();
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      const loud = samples.findIndex((sample) => Math.abs(sample) > 0.15);
      // A chunk is handed over when its last sample has been taken.
      const onset = now - (1000 * (samples.length - loud)) / data.sampleRate;
      data.close();
      if (loud >= 0 && now > deafUntil) {
        clicks.push(onset);
        deafUntil = now + 500;
      }
    }
    await reader.cancel();
  }
}

function wallMs() {
  return performance.timeOrigin + performance.now();
}

function luma(pixels, index) {
  const at = index * 4;
  return 16 + (66 * pixels[at] + 129 * pixels[at + 1] + 25 * pixels[at + 2]) / 256;
}
