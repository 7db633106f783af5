import type { FrameSocket } from '../backend/backend';
import type { FramesEndpoint } from '../generated/view';
import { ackMessage, parsePicture, tileMessage, type Picture } from './protocol';

/** A tile that shows a stream. `show` draws, and answers only once it has drawn or thrown the picture away. */
export interface Tile {
  stream: number;
  /** In device pixels. */
  width: number;
  height: number;
  show(picture: Picture, done: () => void): void;
}

export interface FramesSource {
  /** Asked again after each loss: a token works once. */
  endpoint(): Promise<FramesEndpoint>;
  open(url: string): FrameSocket;
}

const RETRY_MS = [100, 300, 1_000, 3_000] as const;
/** A stream that is silent for this long is asked for again: the core forgets one that ended, and the same number may begin anew. */
const SILENT_MS = 2_000;

/**
 * Brings pictures from the app's core to the tiles of this window over its loopback socket.
 *
 * ```text
 * Idle --first tile--> Opening --open, token, tiles--> Open --close--> Waiting --> Opening
 *   ^------------------last tile gone-----------------'
 * ```
 * A picture is acknowledged when all tiles of its stream have drawn it: until then the core sends none, and the newest waits there.
 */
export class Frames {
  #tiles = new Set<Tile>();
  #socket: FrameSocket | null = null;
  #open = false;
  #opening = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What the core was last told per stream. */
  #told = new Map<number, string>();
  /** Streams that brought a picture since the last look. */
  #alive = new Set<number>();
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly source: FramesSource) {}

  /** Shows a stream until the returned function is called. */
  attach(tile: Tile): () => void {
    this.#tiles.add(tile);
    this.#tell(tile.stream);
    this.#connect();
    return () => {
      this.#tiles.delete(tile);
      this.#tell(tile.stream);
      if (this.#tiles.size === 0) this.#shut();
    };
  }

  /** To be called after a tile's size changed. */
  resized(tile: Tile): void {
    this.#tell(tile.stream);
  }

  #connect(): void {
    if (this.#socket !== null || this.#opening || this.#tiles.size === 0) return;
    this.#opening = true;
    this.source.endpoint().then(
      (endpoint) => this.#onEndpoint(endpoint),
      () => this.#onLost(),
    );
  }

  #onEndpoint(endpoint: FramesEndpoint): void {
    this.#opening = false;
    if (this.#tiles.size === 0) return;
    const socket = this.source.open(endpoint.url);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      if (this.#socket !== socket) return;
      socket.send(endpoint.token);
      this.#open = true;
      this.#told.clear();
      clearInterval(this.#watch);
      this.#watch = setInterval(() => this.#wakeSilent(), SILENT_MS);
      for (const stream of new Set([...this.#tiles].map((tile) => tile.stream))) this.#tell(stream);
    };
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.#onMessage(socket, data);
    };
    socket.onclose = () => {
      if (this.#socket === socket) this.#onLost();
    };
  }

  #onMessage(socket: FrameSocket, message: ArrayBuffer): void {
    const picture = parsePicture(message);
    if (picture === null) return;
    this.#failures = 0;
    this.#alive.add(picture.stream);
    const tiles = [...this.#tiles].filter((tile) => tile.stream === picture.stream);
    let left = tiles.length;
    const done = () => {
      if (--left <= 0 && this.#socket === socket) socket.send(ackMessage(picture.stream));
    };
    if (left === 0) done();
    for (const tile of tiles) tile.show(picture, done);
  }

  #onLost(): void {
    this.#opening = false;
    this.#socket = null;
    this.#open = false;
    clearInterval(this.#watch);
    if (this.#tiles.size === 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)]);
  }

  #shut(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    this.#open = false;
    socket?.close();
  }

  #wakeSilent(): void {
    for (const stream of new Set([...this.#tiles].map((tile) => tile.stream))) {
      if (this.#alive.has(stream)) continue;
      this.#told.delete(stream);
      this.#tell(stream);
    }
    this.#alive.clear();
  }

  /** Several tiles of one stream get pictures for the largest. */
  #tell(stream: number): void {
    if (!this.#open || this.#socket === null) return;
    const tiles = [...this.#tiles].filter((tile) => tile.stream === stream && tile.width > 0 && tile.height > 0);
    const largest = tiles.reduce((best, tile) => (tile.width * tile.height > best.width * best.height ? tile : best), {
      width: 0,
      height: 0,
    });
    const message = tileMessage(stream, largest.width, largest.height);
    if (this.#told.get(stream) === message || (largest.width === 0 && !this.#told.has(stream))) return;
    this.#told.set(stream, message);
    this.#socket.send(message);
  }
}
