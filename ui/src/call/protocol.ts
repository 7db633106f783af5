/** One picture: I420 with tight strides, planes as views into the message it came in. */
export interface Picture {
  stream: number;
  sequence: number;
  /** Even, in pixels. */
  width: number;
  height: number;
  y: Uint8Array;
  u: Uint8Array;
  v: Uint8Array;
}

export const HEADER_BYTES = 12;
/** Larger than any camera's; keeps a broken header from asking for memory. */
const MAX_SIDE = 8_192;

/** Reads one frame of the loopback socket; null when its length does not fit its header. */
export function parsePicture(message: ArrayBuffer): Picture | null {
  if (message.byteLength < HEADER_BYTES) return null;
  const head = new DataView(message);
  const width = head.getUint16(8, true);
  const height = head.getUint16(10, true);
  const chroma = (width / 2) * (height / 2);
  if (width === 0 || height === 0 || width % 2 || height % 2 || width > MAX_SIDE || height > MAX_SIDE) return null;
  if (message.byteLength !== HEADER_BYTES + width * height + 2 * chroma) return null;
  const plane = (start: number, length: number) => new Uint8Array(message, HEADER_BYTES + start, length);
  return {
    stream: head.getUint32(0, true),
    sequence: head.getUint32(4, true),
    width,
    height,
    y: plane(0, width * height),
    u: plane(width * height, chroma),
    v: plane(width * height + chroma, chroma),
  };
}

/** The size, in device pixels, at which pictures of a stream are wanted; width 0 when no tile shows it. */
export function tileMessage(stream: number, width: number, height: number): string {
  return JSON.stringify({ tile: { stream, width, height } });
}

export function ackMessage(stream: number): string {
  return JSON.stringify({ ack: stream });
}
