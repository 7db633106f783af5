// One end of a call on libwebrtc, led by lines of JSON as `tests/src/bench/end.rs` describes them.

import { createInterface } from 'node:readline';
import wrtc from '@roamhq/wrtc';
import { ClipSource, PictureSink } from './pictures.js';
import { SoundSource, SoundSink } from './sound.js';

const MEDIA = { audio: 'sound', video: 'picture' };

class End {
  #setup;
  #pc = new wrtc.RTCPeerConnection();
  #parts = [];
  #sinks = {};
  #described = false;
  #early = [];
  /** Signals are taken in one after the other. */
  #turn = Promise.resolve();

  constructor(setup) {
    this.#setup = setup;
    this.#pc.onicecandidate = ({ candidate }) => this.#onLocalCandidate(candidate);
    this.#pc.ontrack = ({ track }) => this.#onTrack(track);
  }

  async open() {
    const stream = new wrtc.MediaStream();
    const { sound, picture, offers } = this.#setup;
    this.#add(new SoundSource(sound), stream);
    if (picture) this.#add(new ClipSource(picture), stream);
    else if (offers) this.#pc.addTransceiver('video', { direction: 'recvonly' });
    if (offers) await this.#describe(await this.#pc.createOffer());
  }

  #add(source, stream) {
    this.#parts.push(source);
    this.#pc.addTrack(source.track, stream);
    source.start();
  }

  onSignal(signal) {
    this.#turn = this.#turn.then(() => this.#takeIn(signal)).catch((error) => console.error(`signal: ${error}`));
  }

  async #takeIn(signal) {
    if (signal.type === 'description') {
      await this.#pc.setRemoteDescription({ type: signal.kind, sdp: signal.sdp });
      this.#described = true;
      if (signal.kind === 'offer') await this.#describe(await this.#pc.createAnswer());
      for (const early of this.#early.splice(0)) await this.#addCandidate(early);
    } else if (signal.type === 'candidate') {
      if (this.#described) await this.#addCandidate(signal);
      else this.#early.push(signal);
    }
  }

  async #describe(description) {
    await this.#pc.setLocalDescription(description);
    say({ signal: { type: 'description', kind: description.type, sdp: description.sdp, generation: 1, tracks: [] } });
  }

  #addCandidate({ candidate, sdp_mid: sdpMid, sdp_m_line_index: sdpMLineIndex }) {
    return this.#pc.addIceCandidate({ candidate, sdpMid, sdpMLineIndex });
  }

  #onLocalCandidate(candidate) {
    if (!candidate?.candidate) return;
    const { candidate: text, sdpMid: sdp_mid, sdpMLineIndex: sdp_m_line_index } = candidate;
    say({ signal: { type: 'candidate', candidate: text, sdp_mid, sdp_m_line_index, generation: 1 } });
  }

  #onTrack(track) {
    const { reads_marks } = this.#setup;
    const Sink = track.kind === 'video' ? PictureSink : SoundSink;
    const sink = new Sink(track, reads_marks, (at) => say({ [`first_${MEDIA[track.kind]}`]: at }));
    this.#sinks[track.kind] = sink;
    this.#parts.push(sink);
  }

  async report() {
    const sound = { concealed_samples: 0, played_samples: 0 };
    for (const stats of (await this.#pc.getStats()).values()) {
      if (stats.type !== 'inbound-rtp' || stats.kind !== 'audio') continue;
      sound.concealed_samples = stats.concealedSamples ?? 0;
      sound.played_samples = stats.totalSamplesReceived ?? 0;
    }
    const pictures = this.#sinks.video?.take() ?? { pictures: [], width: 0, height: 0 };
    say({ report: { ...pictures, clicks: this.#sinks.audio?.take() ?? [], ...sound } });
  }

  close() {
    for (const part of this.#parts) part.stop();
    this.#pc.close();
  }
}

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

let end = null;

async function obey(order) {
  if (order === 'report') await end.report();
  else if (order.open) {
    end?.close();
    end = new End(order.open);
    await end.open();
  } else if (order.signal) end.onSignal(order.signal);
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  obey(JSON.parse(line)).catch((error) => {
    console.error(error);
    process.exit(1);
  });
});
// libwebrtc's threads keep the process alive otherwise.
lines.on('close', () => process.exit(0));
say('ready');
