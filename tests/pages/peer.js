// A person in a browser: signs in to the relay by its public protocol, calls and is called. Plain WebRTC, no library.

import { Connection } from './connection.js';

const VERSION = 1;

export class Peer {
  #socket;
  #token;
  #requests = new Map();
  #lastRequest = 0;
  #watchers = new Set();

  /** The relay's address. */
  relay = '';
  /** What happened to the connection, for whoever debugs a test. */
  log = [];
  /** The call that goes on or rings, as the relay describes it. */
  call = null;
  /** My participant id in it. */
  me = null;
  /** The connection to the other participant. */
  connection = null;
  /** When the call was accepted, as this side learned it, in ms of the wall clock. */
  acceptedAt = null;
  media = null;
  /**
   * `link`: true when candidates go through the bad link of the server that this page came from.
   * `red`: true when sound is sent with copies of itself (RFC 2198). `ptime`: ms of sound in a packet, when not the usual.
   */
  options = { link: false, red: false, ptime: null };

  /** Opens camera and microphone. Constraints of video as in getUserMedia. */
  async openMedia(video) {
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.media = await navigator.mediaDevices.getUserMedia({ audio: plain, video });
  }

  async signUp(relay, displayName, email, password) {
    this.relay = relay;
    const session = await this.#rest('POST', '/api/v1/auth/sign-up', {
      display_name: displayName, email, password, device_name: 'Chromium',
    });
    this.#token = session.access_token;
    await this.#connect();
  }

  /** Calls the person of this name in their direct room. */
  async dial(name) {
    const people = await this.#rest('GET', `/api/v1/users?query=${encodeURIComponent(name)}`);
    const person = people.find((person) => person.display_name === name);
    if (!person) throw new Error(`nobody is called ${name}`);
    const room = await this.#rest('POST', '/api/v1/rooms', { kind: 'direct', members: [person.id] });
    const reply = await this.request({
      type: 'start_call', room_id: room.id, call_id: uuidV7(), media: { microphone: true, camera: true },
    });
    this.#joined(reply);
  }

  /** Accepts the call that rings, once one does. The one who joins offers to those already there. */
  async answer() {
    const call = await this.until('a ringing call', () => (this.call?.phase === 'ringing' ? this.call : null));
    this.acceptedAt = Date.now();
    const reply = await this.request({
      type: 'accept_call', call_id: call.id, media: { microphone: true, camera: true },
    });
    this.#joined(reply);
    const other = reply.call.participants.find((participant) => participant.id !== this.me);
    await this.#newConnection(other.id, 1).offer();
  }

  async hangUp() {
    if (this.call) await this.request({ type: 'leave_call', call_id: this.call.id });
    this.#end();
  }

  /** Sends a request on the socket; resolves with its reply. */
  request(request) {
    const id = ++this.#lastRequest;
    return new Promise((resolve, reject) => {
      this.#requests.set(id, { resolve, reject });
      this.#send({ type: 'request', id, request });
    });
  }

  signal(to, signal) {
    return this.request({ type: 'signal', call_id: this.call.id, to, signal });
  }

  /** Resolves with what `look` finds, tried whenever something happened. */
  until(what, look, milliseconds = 30_000) {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        clearInterval(poll);
        this.#watchers.delete(attempt);
        settle(value);
      };
      const attempt = () => {
        const found = look();
        if (found) finish(resolve, found);
      };
      const timer = setTimeout(
        () => finish(reject, new Error(`no ${what} within ${milliseconds} ms; ${this.log.join('; ')}`)), milliseconds);
      // Media moves without telling anyone.
      const poll = setInterval(attempt, 50);
      this.#watchers.add(attempt);
      attempt();
    });
  }

  /** Resolves once media of both kinds flows in both directions. */
  async connected(milliseconds) {
    await this.until('connection', () => this.connection?.pc.connectionState === 'connected', milliseconds);
  }

  async #rest(method, path, body) {
    const headers = { 'content-type': 'application/json' };
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    const response = await fetch(this.relay + path, { method, headers, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  #connect() {
    this.#socket = new WebSocket(`${this.relay.replace('http', 'ws')}/api/v1/socket`);
    return new Promise((resolve, reject) => {
      this.#socket.onopen = () => this.#send({ type: 'hello', version: VERSION, access_token: this.#token });
      this.#socket.onclose = () => reject(new Error(`the socket closed; ${this.log.join('; ')}`));
      this.#socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === 'welcome') resolve(message);
        this.#onMessage(message);
      };
    });
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #onMessage(message) {
    switch (message.type) {
      case 'reply':
        this.#requests.get(message.id)?.resolve(message.reply);
        this.#requests.delete(message.id);
        break;
      case 'error':
        this.note(`error ${message.error.code}: ${message.error.message}`);
        this.#requests.get(message.id)?.reject(new Error(message.error.message));
        this.#requests.delete(message.id);
        break;
      case 'event':
        this.#onEvent(message.event).catch((error) => this.note(`${message.event.type}: ${error}`));
        this.#send({ type: 'ack', seq: message.seq });
        break;
    }
    for (const attempt of this.#watchers) attempt();
  }

  async #onEvent(event) {
    switch (event.type) {
      case 'call_changed':
        if (this.call?.phase === 'ringing' && event.call.phase === 'active') this.acceptedAt ??= Date.now();
        this.call = event.call;
        break;
      case 'call_ended':
        this.note(`call ended: ${event.reason}`);
        this.#end();
        break;
      case 'call_signal':
        await this.#onSignal(event.from, event.signal);
        break;
    }
  }

  async #onSignal(from, signal) {
    const isOffer = signal.type === 'description' && signal.kind === 'offer';
    if (isOffer && signal.generation > (this.connection?.generation ?? 0)) {
      await this.#newConnection(from, signal.generation).answer(signal);
    } else if (signal.generation === this.connection?.generation) {
      await this.connection.onSignal(signal);
    }
  }

  #newConnection(to, generation) {
    this.connection?.close();
    this.connection = new Connection(this, to, generation);
    return this.connection;
  }

  #joined(reply) {
    this.call = reply.call;
    this.me = reply.participant_id;
  }

  #end() {
    this.connection?.close();
    this.connection = null;
    this.call = null;
    this.acceptedAt = null;
  }

  note(text) {
    this.log.push(`${Math.round(performance.now())} ms: ${text}`);
  }
}

/** RFC 9562: 48 bits of time, then random ones. */
export function uuidV7() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const now = BigInt(Date.now());
  for (let at = 0; at < 6; at += 1) bytes[at] = Number((now >> BigInt(8 * (5 - at))) & 0xffn);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
