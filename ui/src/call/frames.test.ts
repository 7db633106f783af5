import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FrameSocket } from '../backend/backend';
import { Frames, type Tile } from './frames';
import { HEADER_BYTES, parsePicture, type Picture } from './protocol';
import { toRgba } from './renderer';

function frame(stream: number, sequence: number, width: number, height: number): ArrayBuffer {
  const bytes = new ArrayBuffer(HEADER_BYTES + (width * height * 3) / 2);
  const head = new DataView(bytes);
  head.setUint32(0, stream, true);
  head.setUint32(4, sequence, true);
  head.setUint16(8, width, true);
  head.setUint16(10, height, true);
  return bytes;
}

describe('parsePicture', () => {
  it('gives planes of the sizes the header names', () => {
    const picture = parsePicture(frame(7, 9, 6, 4))!;
    expect(picture).toMatchObject({ stream: 7, sequence: 9, width: 6, height: 4 });
    expect([picture.y.length, picture.u.length, picture.v.length]).toEqual([24, 6, 6]);
  });

  it('refuses what does not fit its header', () => {
    expect(parsePicture(new ArrayBuffer(4))).toBeNull();
    expect(parsePicture(frame(1, 1, 4, 4).slice(0, -1))).toBeNull();
    const odd = frame(1, 1, 4, 4);
    new DataView(odd).setUint16(8, 3, true);
    expect(parsePicture(odd)).toBeNull();
    const empty = frame(1, 1, 4, 4);
    new DataView(empty).setUint16(10, 0, true);
    expect(parsePicture(empty)).toBeNull();
  });
});

it('turns limited-range BT.601 into black, white and red', () => {
  const colour = (y: number, u: number, v: number) => {
    const out = new Uint8ClampedArray(16);
    toRgba(
      {
        stream: 0,
        sequence: 0,
        width: 2,
        height: 2,
        y: new Uint8Array(4).fill(y),
        u: Uint8Array.of(u),
        v: Uint8Array.of(v),
      },
      out,
    );
    return [...out.slice(0, 4)];
  };
  expect(colour(16, 128, 128)).toEqual([0, 0, 0, 255]);
  expect(colour(235, 128, 128)).toEqual([255, 255, 255, 255]);
  expect(colour(81, 90, 240)).toEqual([254, 0, 0, 255]);
});

class Wire implements FrameSocket {
  binaryType: BinaryType = 'blob';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  sent: string[] = [];
  closed = false;
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.closed = true;
    this.onclose?.();
  }
}

describe('Frames', () => {
  let wires: Wire[] = [];
  let asked = 0;
  const frames = () =>
    new Frames({
      endpoint: async () => ({ url: 'ws://127.0.0.1:1', token: `t${++asked}` }),
      open: () => {
        const wire = new Wire();
        wires.push(wire);
        return wire;
      },
    });
  const tile = (stream: number, width: number, height: number, show: Tile['show'] = (_, done) => done()): Tile => ({
    stream,
    width,
    height,
    show,
  });
  const settle = async () => {
    await vi.advanceTimersByTimeAsync(0);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    wires = [];
    asked = 0;
  });
  afterEach(() => void vi.useRealTimers());

  it('sends the token first, then the size of each tile', async () => {
    frames().attach(tile(2, 640, 360));
    await settle();
    wires[0]!.onopen!();
    expect(wires[0]!.sent).toEqual(['t1', '{"tile":{"stream":2,"width":640,"height":360}}']);
    expect(wires[0]!.binaryType).toBe('arraybuffer');
  });

  it('acknowledges a picture only when every tile of the stream has drawn it', async () => {
    const client = frames();
    const waiting: (() => void)[] = [];
    const seen: Picture[] = [];
    const show: Tile['show'] = (picture, done) => {
      seen.push(picture);
      waiting.push(done);
    };
    client.attach(tile(2, 640, 360, show));
    client.attach(tile(2, 100, 60, show));
    await settle();
    const wire = wires[0]!;
    wire.onopen!();
    wire.onmessage!({ data: frame(2, 1, 4, 4) });
    expect(seen.length).toBe(2);
    waiting[0]!();
    expect(wire.sent).not.toContain('{"ack":2}');
    waiting[1]!();
    expect(wire.sent.filter((text) => text === '{"ack":2}').length).toBe(1);
  });

  it('asks for the largest tile of a stream, and for none when the last is gone', async () => {
    const client = frames();
    const keep = client.attach(tile(3, 10, 10));
    const small = client.attach(tile(2, 160, 90));
    const large = client.attach(tile(2, 640, 360));
    await settle();
    wires[0]!.onopen!();
    large();
    small();
    expect(wires[0]!.sent.slice(-2)).toEqual([
      '{"tile":{"stream":2,"width":160,"height":90}}',
      '{"tile":{"stream":2,"width":0,"height":0}}',
    ]);
    keep();
    expect(wires[0]!.closed).toBe(true);
  });

  it('comes back after a loss with a new token', async () => {
    frames().attach(tile(2, 640, 360));
    await settle();
    wires[0]!.onopen!();
    wires[0]!.close();
    await vi.advanceTimersByTimeAsync(150);
    expect(wires.length).toBe(2);
    wires[1]!.onopen!();
    expect(wires[1]!.sent[0]).toBe('t2');
  });

  it('says nothing before the token, also when an abandoned connection opens late', async () => {
    const client = frames();
    const detach = client.attach(tile(2, 640, 360));
    await settle();
    detach();
    client.attach(tile(2, 320, 180));
    await settle();
    wires[0]!.onopen!();
    client.attach(tile(3, 320, 180));
    expect(wires.length).toBe(2);
    expect(wires[1]!.sent).toEqual([]);
    wires[1]!.onopen!();
    expect(wires[1]!.sent[0]).toBe('t2');
  });

  it('asks again for a stream that went silent, and leaves one that moves alone', async () => {
    const client = frames();
    client.attach(tile(2, 640, 360));
    client.attach(tile(3, 640, 360));
    await settle();
    wires[0]!.onopen!();
    wires[0]!.sent = [];
    wires[0]!.onmessage!({ data: frame(3, 1, 4, 4) });
    await vi.advanceTimersByTimeAsync(2_100);
    expect(wires[0]!.sent).toEqual(['{"ack":3}', '{"tile":{"stream":2,"width":640,"height":360}}']);
  });

  it('answers a picture that nobody shows, so that the stream does not stand still', async () => {
    frames().attach(tile(2, 640, 360));
    await settle();
    wires[0]!.onopen!();
    wires[0]!.onmessage!({ data: frame(9, 1, 4, 4) });
    expect(wires[0]!.sent).toContain('{"ack":9}');
  });
});
