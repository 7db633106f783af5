// One WebRTC connection to one participant, H.264 and Opus both ways, with trickled candidates.

import { uuidV7 } from './peer.js';

export class Connection {
  #peer;
  #to;
  #early = [];
  #described = false;
  /** How many frames of each payload type came and went, when sound is sent with copies. */
  types = { received: {}, sent: {} };

  constructor(peer, to, generation) {
    this.#peer = peer;
    this.#to = to;
    this.generation = generation;
    this.video = document.createElement('video');
    this.video.autoplay = true;
    this.video.playsInline = true;
    this.stream = new MediaStream();
    this.video.srcObject = this.stream;
    document.body.append(this.video);
    this.firstFrameAt = null;
    this.video.requestVideoFrameCallback(() => { this.firstFrameAt = Date.now(); });

    const { red } = peer.options;
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', encodedInsertableStreams: red });
    this.pc.onicecandidate = ({ candidate }) => this.#onLocalCandidate(candidate);
    this.pc.ontrack = ({ track, receiver, transceiver }) => {
      this.stream.addTrack(track);
      if (red) [[receiver, 'received'], [transceiver.sender, 'sent']].forEach((end) => this.#countTypes(...end));
    };
    this.pc.onconnectionstatechange = () => peer.note(`connection ${this.pc.connectionState}`);
  }

  async offer() {
    for (const track of this.#peer.media.getTracks()) {
      preferH264(this.pc.addTransceiver(track, { direction: 'sendrecv', streams: [this.#peer.media] }));
    }
    await this.#describe(await this.pc.createOffer(), 'offer');
  }

  async answer(offer) {
    await this.#accept(offer);
    for (const transceiver of this.pc.getTransceivers()) {
      const kind = transceiver.receiver.track.kind;
      const track = this.#peer.media.getTracks().find((track) => track.kind === kind);
      await transceiver.sender.replaceTrack(track);
      transceiver.sender.setStreams(this.#peer.media);
      transceiver.direction = 'sendrecv';
      preferH264(transceiver);
    }
    await this.#describe(await this.pc.createAnswer(), 'answer');
  }

  /** Looks for a path anew, within the connection. */
  async restart() {
    await this.#describe(await this.pc.createOffer({ iceRestart: true }), 'offer');
  }

  async onSignal(signal) {
    if (signal.type === 'description') {
      // An offer within the connection starts ICE anew.
      if (signal.kind === 'offer') await this.answer(signal);
      else await this.#accept(signal);
    } else if (signal.type === 'candidate') {
      if (this.#described) await this.#addCandidate(signal);
      else this.#early.push(signal);
    }
  }

  close() {
    this.pc.close();
    this.video.remove();
  }

  /** What counts of the browser's statistics. */
  async stats() {
    const all = [...(await this.pc.getStats()).values()];
    const find = (type, kind) => all.find((entry) => entry.type === type && entry.kind === kind) ?? {};
    const codec = (entry) => all.find((other) => other.id === entry.codecId)?.mimeType ?? '';
    const [videoIn, videoOut] = [find('inbound-rtp', 'video'), find('outbound-rtp', 'video')];
    const [audioIn, audioOut] = [find('inbound-rtp', 'audio'), find('outbound-rtp', 'audio')];
    return {
      state: this.pc.connectionState,
      generation: this.generation,
      video: {
        decoded: videoIn.framesDecoded ?? 0, width: videoIn.frameWidth ?? 0, height: videoIn.frameHeight ?? 0,
        received_codec: codec(videoIn), sent: videoOut.framesSent ?? 0, sent_codec: codec(videoOut),
        sent_width: videoOut.frameWidth ?? 0, key_frames: videoIn.keyFramesDecoded ?? 0,
        freezes: videoIn.freezeCount ?? 0, lost: videoIn.packetsLost ?? 0,
        buffer_ms: 1000 * (videoIn.jitterBufferDelay ?? 0) / (videoIn.jitterBufferEmittedCount || 1),
      },
      audio: {
        received: audioIn.packetsReceived ?? 0, received_codec: codec(audioIn), energy: audioIn.totalAudioEnergy ?? 0,
        sent: audioOut.packetsSent ?? 0, sent_codec: codec(audioOut),
        copies: audioIn.fecPacketsReceived ?? 0, samples: audioIn.totalSamplesReceived ?? 0,
        concealed: (audioIn.concealedSamples ?? 0) - (audioIn.silentConcealedSamples ?? 0),
      },
    };
  }

  async #describe(description, kind) {
    await this.pc.setLocalDescription(description);
    const tracks = this.pc.getTransceivers().map((transceiver) => ({
      id: uuidV7(),
      mid: transceiver.mid,
      source: transceiver.receiver.track.kind === 'audio' ? 'microphone' : 'camera',
    }));
    const { generation } = this;
    await this.#peer.signal(this.#to, { type: 'description', kind, sdp: description.sdp, generation, tracks });
  }

  async #accept(description) {
    const { sdp, candidates } = splitCandidates(description.sdp);
    await this.pc.setRemoteDescription({ type: description.kind, sdp: this.#wishing(sdp) });
    this.#described = true;
    this.#early.push(...candidates);
    for (const signal of this.#early.splice(0)) await this.#addCandidate(signal);
  }

  /** Counts the payload types of what passes. */
  #countTypes(end, way) {
    const { readable, writable } = end.createEncodedStreams();
    const count = new TransformStream({
      transform: (frame, controller) => {
        const { payloadType } = frame.getMetadata();
        this.types[way][payloadType] = (this.types[way][payloadType] ?? 0) + 1;
        controller.enqueue(frame);
      },
    });
    readable.pipeThrough(count).pipeTo(writable).catch(() => {});
  }

  #wishing(sdp) {
    const { red, ptime } = this.#peer.options;
    const wishing = red ? withRedFirst(sdp) : sdp;
    return ptime ? withPtime(wishing, ptime) : wishing;
  }

  async #addCandidate(signal) {
    let candidate = signal.candidate;
    if (this.#peer.options.link) candidate = await throughLink(candidate);
    if (!candidate) return;
    await this.pc.addIceCandidate({ candidate, sdpMid: signal.sdp_mid, sdpMLineIndex: signal.sdp_m_line_index ?? 0 });
  }

  #onLocalCandidate(candidate) {
    // Over a bad link the other side must not learn the way around it: it sees us where our checks come from.
    if (this.#peer.options.link) return;
    const { generation } = this;
    const signal = candidate
      ? { type: 'candidate', candidate: candidate.candidate, sdp_mid: candidate.sdpMid,
          sdp_m_line_index: candidate.sdpMLineIndex, generation }
      : { type: 'candidates_done', generation };
    this.#peer.signal(this.#to, signal).catch((error) => this.#peer.note(`candidate: ${error}`));
  }
}

function preferH264(transceiver) {
  if (transceiver.receiver.track.kind !== 'video') return;
  const { codecs } = RTCRtpReceiver.getCapabilities('video');
  const wanted = codecs.filter(({ mimeType }) => mimeType === 'video/H264');
  const repair = codecs.filter(({ mimeType }) => mimeType === 'video/rtx');
  transceiver.setCodecPreferences([...wanted, ...repair]);
}

/** The same description, wishing for sound with copies: what is named first is sent. */
function withRedFirst(sdp) {
  const red = sdp.match(/a=rtpmap:(\d+) red\/48000\/2/)[1];
  return sdp.replace(new RegExp(`(m=audio \\d+ \\S+)(.*) ${red}\\b`), `$1 ${red}$2`);
}

/** The same description, wishing for packets of so many ms of sound. */
function withPtime(sdp, ptime) {
  return sdp.replace(/(m=audio[^]*?\r\n)(a=)/, `$1a=ptime:${ptime}\r\n$2`);
}

/** The same candidate behind the test's bad link, or nothing for those that the link does not lead to. */
async function throughLink(candidate) {
  const fields = candidate.split(' ');
  const [protocol, address, port] = [fields[2].toLowerCase(), fields[4], fields[5]];
  if (protocol !== 'udp' || !/^[0-9.]+$/.test(address)) return null;
  const response = await fetch(`/link?to=${address}:${port}`, { method: 'POST' });
  fields[4] = '127.0.0.1';
  fields[5] = String(await response.json());
  return fields.join(' ');
}

/** The same description without candidates, and these by themselves. */
function splitCandidates(sdp) {
  const lines = sdp.split('\r\n');
  const isCandidate = (line) => line.startsWith('a=candidate:');
  const candidates = lines.filter(isCandidate).map((line) => ({ candidate: line.slice(2) }));
  return { sdp: lines.filter((line) => !isCandidate(line)).join('\r\n'), candidates };
}
