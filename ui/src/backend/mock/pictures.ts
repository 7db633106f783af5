import { HEADER_BYTES } from '../../call/protocol';
import type { FrameSocket } from '../backend';

const FPS = 30;

/** The core's side of the loopback socket: pictures at the size of the tile, newest first, one under way per stream. */
export class FakeFrameSocket implements FrameSocket {
  binaryType: BinaryType = 'arraybuffer';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  #token: string | null = null;
  #sizes = new Map<number, { width: number; height: number }>();
  #underWay = new Set<number>();
  #sequence = 0;
  #closed = false;
  #timer: ReturnType<typeof setInterval>;

  constructor(private readonly expected: string) {
    setTimeout(() => {
      if (!this.#closed) this.onopen?.();
    }, 5);
    this.#timer = setInterval(() => this.#tick(), 1_000 / FPS);
  }

  send(text: string): void {
    if (this.#token === null) {
      this.#token = text;
      if (text !== this.expected) this.close();
      return;
    }
    const message = JSON.parse(text) as { ack?: number; tile?: { stream: number; width: number; height: number } };
    if (message.ack !== undefined) this.#underWay.delete(message.ack);
    if (message.tile) this.#sizes.set(message.tile.stream, message.tile);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.onclose?.();
  }

  #tick(): void {
    this.#sequence++;
    for (const [stream, size] of this.#sizes) {
      if (size.width === 0 || this.#underWay.has(stream)) continue;
      this.#underWay.add(stream);
      this.onmessage?.({ data: paint(stream, this.#sequence, size) });
    }
  }
}

/** A head and shoulders before a soft background that moves: 16:9, no larger than the tile. */
function paint(stream: number, sequence: number, tile: { width: number; height: number }): ArrayBuffer {
  const width = Math.max(2, Math.floor(Math.min(tile.width, (tile.height * 16) / 9, 960) / 2) * 2);
  const height = Math.max(2, Math.floor((width * 9) / 16 / 2) * 2);
  const message = new ArrayBuffer(HEADER_BYTES + (width * height * 3) / 2);
  const head = new DataView(message);
  head.setUint32(0, stream, true);
  head.setUint32(4, sequence, true);
  head.setUint16(8, width, true);
  head.setUint16(10, height, true);
  const bytes = new Uint8Array(message, HEADER_BYTES);
  const t = sequence / FPS;
  const look = LOOKS[stream % LOOKS.length]!;
  const centre = 0.5 + 0.02 * Math.sin(t * 0.9 + stream);
  const nod = 0.4 + 0.012 * Math.sin(t * 1.7 + stream);
  const at = (x: number, y: number): readonly [number, number, number] => {
    const dx = (x - centre) * (16 / 9);
    const face = (dx / 0.135) ** 2 + ((y - nod) / 0.2) ** 2;
    const hair = (dx / 0.165) ** 2 + ((y - nod + 0.05) / 0.235) ** 2;
    const body = (dx / 0.4) ** 2 + ((y - 1.05) / 0.42) ** 2;
    if (face < 1) return [look.skin[0] - 26 * face, look.skin[1], look.skin[2]];
    if (body < 1) return [look.cloth[0] - 22 * body, look.cloth[1], look.cloth[2]];
    if (hair < 1 && y < nod + 0.12) return look.hair;
    const glow = 22 * Math.sin(x * 5 + t * 0.4) * Math.cos(y * 3);
    return [look.wall[0] + glow + (x > 0.72 && y < 0.55 && x < 0.93 ? 52 : 0), look.wall[1], look.wall[2]];
  };
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) bytes[y * width + x] = at(x / width, y / height)[0];
  const chroma = width * height;
  for (let y = 0; y < height / 2; y++) {
    for (let x = 0; x < width / 2; x++) {
      const [, u, v] = at((2 * x) / width, (2 * y) / height);
      bytes[chroma + (y * width) / 2 + x] = u;
      bytes[chroma + (width * height) / 4 + (y * width) / 2 + x] = v;
    }
  }
  return message;
}

type Yuv = readonly [number, number, number];
const LOOKS: { skin: Yuv; hair: Yuv; cloth: Yuv; wall: Yuv }[] = [
  { skin: [176, 112, 150], hair: [92, 112, 146], cloth: [88, 146, 112], wall: [150, 122, 132] },
  { skin: [170, 112, 150], hair: [40, 128, 130], cloth: [120, 110, 160], wall: [120, 140, 118] },
  { skin: [184, 112, 148], hair: [34, 128, 130], cloth: [196, 126, 128], wall: [104, 136, 116] },
  { skin: [150, 112, 152], hair: [48, 122, 138], cloth: [110, 150, 120], wall: [168, 120, 134] },
  { skin: [112, 116, 150], hair: [28, 128, 128], cloth: [150, 100, 142], wall: [92, 134, 126] },
  { skin: [190, 114, 144], hair: [140, 104, 140], cloth: [64, 140, 124], wall: [140, 132, 122] },
];
