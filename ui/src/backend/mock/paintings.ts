import { rgbaToThumbHash } from 'thumbhash';

/** Pictures of the invented world, drawn by code: nothing is downloaded, and each loads as a file would. */
type Pen = CanvasRenderingContext2D;
interface Painting {
  width: number;
  height: number;
  paint: (pen: Pen, width: number, height: number) => void;
}

export const PAINTINGS: Record<string, Painting> = {
  'img-harbour': { width: 2400, height: 1600, paint: harbour },
  'img-plan': { width: 1800, height: 1350, paint: plan },
  'img-tiles': { width: 1200, height: 1600, paint: tiles },
  'img-window': { width: 1500, height: 1500, paint: wall },
  'img-stair': { width: 1400, height: 1900, paint: stair },
  'img-beams': { width: 2000, height: 1300, paint: beams },
  'pic-harbour': { width: 512, height: 512, paint: harbour },
  'pic-mara': { width: 512, height: 512, paint: portrait(168, '#3b2a22', '#e9bd9c', 'long') },
  'pic-jisoo': { width: 512, height: 512, paint: portrait(205, '#1c1714', '#f0c9a6', 'long') },
  'pic-tobias': { width: 512, height: 512, paint: portrait(36, '#b98a4a', '#f2c8a8', 'short') },
  'pic-amara': { width: 512, height: 512, paint: portrait(328, '#15100e', '#8a5a3c', 'round') },
  'pic-lucia': { width: 512, height: 512, paint: portrait(12, '#5a2f1c', '#e6b48f', 'long') },
  'pic-arjun': { width: 512, height: 512, paint: portrait(262, '#17120f', '#b57f56', 'short') },
};

const THUMBNAIL_PX = 800;
const urls = new Map<string, string>();

/** The address of a painting; its placeholder comes with [`placeholderOf`]. */
export function paintingUrl(key: string, small: boolean): string | null {
  const painting = PAINTINGS[key];
  if (!painting) return null;
  const name = `${key}/${small}`;
  const known = urls.get(name);
  if (known) return known;
  const longest = Math.max(painting.width, painting.height);
  const canvas = painted(painting, small ? Math.min(1, THUMBNAIL_PX / longest) : 1);
  const bytes = atob(canvas.toDataURL('image/jpeg', 0.85).split(',')[1]!);
  const url = URL.createObjectURL(
    new Blob([Uint8Array.from(bytes, (char) => char.charCodeAt(0))], { type: 'image/jpeg' }),
  );
  urls.set(name, url);
  return url;
}

/** A ThumbHash in base64; empty where nothing can be drawn. */
export function placeholderOf(key: string): string {
  const painting = PAINTINGS[key];
  if (!painting || !globalThis.document) return '';
  const canvas = painted(painting, 64 / Math.max(painting.width, painting.height));
  return hashOf(canvas);
}

export function hashOf(canvas: HTMLCanvasElement): string {
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d')!.getImageData(0, 0, width, height);
  return btoa(String.fromCharCode(...rgbaToThumbHash(width, height, data)));
}

function painted({ width, height, paint }: Painting, scale: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const pen = canvas.getContext('2d')!;
  pen.scale(canvas.width / width, canvas.height / height);
  paint(pen, width, height);
  return canvas;
}

/** The same numbers at each start, between 0 and 1. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function shade(pen: Pen, height: number, ...colours: string[]): CanvasGradient {
  const gradient = pen.createLinearGradient(0, 0, 0, height);
  colours.forEach((colour, index) => gradient.addColorStop(index / (colours.length - 1), colour));
  return gradient;
}

function harbour(pen: Pen, width: number, height: number): void {
  const sea = height * 0.62;
  pen.fillStyle = shade(pen, sea, '#2b3a67', '#8a5a83', '#f2a071', '#ffd9a0');
  pen.fillRect(0, 0, width, sea);
  pen.fillStyle = '#fff1cf';
  pen.beginPath();
  pen.arc(width * 0.68, sea - height * 0.07, height * 0.055, 0, 7);
  pen.fill();
  pen.fillStyle = '#2a2440';
  const random = chance(7);
  for (let x = 0; x < width;) {
    const [wide, high] = [width * (0.04 + random() * 0.07), height * (0.03 + random() * 0.09)];
    pen.fillRect(x, sea - high, wide + 1, high);
    x += wide;
  }
  crane(pen, width * 0.2, sea, height * 0.36);
  crane(pen, width * 0.36, sea, height * 0.26);
  pen.fillStyle = shade(pen, height, '#5a4a70', '#e59a74', '#3d4468', '#1d2744');
  pen.fillRect(0, sea, width, height - sea);
  for (let line = 0; line < 130; line++) {
    const y = sea + random() * (height - sea);
    const near = (y - sea) / (height - sea);
    pen.fillStyle = `rgb(255 222 176 / ${0.06 + random() * 0.2 * (1 - near)})`;
    pen.fillRect(width * (0.68 + (random() - 0.5) * (0.16 + near)) - 60, y, 60 + random() * 220 * near, 3 + near * 6);
  }
}

function crane(pen: Pen, x: number, base: number, high: number): void {
  pen.strokeStyle = '#221d38';
  pen.lineWidth = high * 0.03;
  pen.beginPath();
  pen.moveTo(x - high * 0.1, base);
  pen.lineTo(x, base - high * 0.72);
  pen.lineTo(x + high * 0.1, base);
  pen.moveTo(x - high * 0.28, base - high * 0.62);
  pen.lineTo(x + high * 0.62, base - high);
  pen.moveTo(x + high * 0.6, base - high);
  pen.lineTo(x + high * 0.6, base - high * 0.5);
  pen.stroke();
}

function plan(pen: Pen, width: number, height: number): void {
  pen.fillStyle = '#fbfaf4';
  pen.fillRect(0, 0, width, height);
  pen.strokeStyle = '#dbe6e4';
  pen.lineWidth = 2;
  for (let x = 0; x < width; x += 45) line(pen, x, 0, x, height);
  for (let y = 0; y < height; y += 45) line(pen, 0, y, width, y);
  pen.strokeStyle = '#1f2f33';
  pen.lineWidth = 16;
  pen.strokeRect(180, 180, width - 360, height - 420);
  pen.lineWidth = 10;
  for (const [x1, y1, x2, y2] of [
    [760, 180, 760, 560],
    [760, 690, 760, height - 240],
    [180, 640, 620, 640],
    [760, 760, width - 340, 760],
    [1240, 180, 1240, 600],
  ] as const)
    line(pen, x1, y1, x2, y2);
  pen.strokeStyle = '#b4552d';
  pen.lineWidth = 4;
  for (const [x, y, from] of [
    [760, 560, 0],
    [620, 640, 1.5],
    [1240, 600, 3],
  ] as const) {
    pen.beginPath();
    pen.arc(x, y, 120, from, from + Math.PI / 2);
    pen.lineTo(x, y);
    pen.stroke();
  }
  pen.fillStyle = '#45605f';
  pen.font = '600 44px sans-serif';
  for (const [words, x, y] of [
    ['Hall  64 m²', 340, 430],
    ['Workshop', 880, 400],
    ['Office', 1360, 420],
    ['Café  118 m²', 980, 960],
  ] as const)
    pen.fillText(words, x, y);
  pen.fillText('Customs house, ground floor   1:50', 180, height - 110);
}

function line(pen: Pen, x1: number, y1: number, x2: number, y2: number): void {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

function tiles(pen: Pen, width: number, height: number): void {
  const side = width / 6;
  for (let row = 0; row * side < height; row++) {
    for (let column = 0; column < 6; column++) {
      const [x, y] = [column * side, row * side];
      pen.fillStyle = '#eef1ea';
      pen.fillRect(x, y, side, side);
      pen.strokeStyle = '#1f5a92';
      pen.lineWidth = side * 0.07;
      for (const [cx, cy, from] of [
        [x, y, 0],
        [x + side, y, Math.PI / 2],
        [x + side, y + side, Math.PI],
        [x, y + side, -Math.PI / 2],
      ] as const) {
        pen.beginPath();
        pen.arc(cx, cy, side * 0.42, from, from + Math.PI / 2);
        pen.stroke();
      }
      pen.fillStyle = (row + column) % 2 ? '#d98f35' : '#1f5a92';
      pen.beginPath();
      pen.arc(x + side / 2, y + side / 2, side * 0.11, 0, 7);
      pen.fill();
      pen.strokeStyle = '#c9cfc6';
      pen.lineWidth = 5;
      pen.strokeRect(x, y, side, side);
    }
  }
}

function wall(pen: Pen, width: number, height: number): void {
  const random = chance(3);
  pen.fillStyle = '#8b4a36';
  pen.fillRect(0, 0, width, height);
  for (let y = 0, row = 0; y < height; y += 60, row++)
    for (let x = row % 2 ? -70 : 0; x < width; x += 140) {
      pen.fillStyle = `hsl(${12 + random() * 10} ${38 + random() * 14}% ${36 + random() * 13}%)`;
      pen.fillRect(x + 4, y + 4, 132, 52);
    }
  const [left, top, wide] = [width * 0.28, height * 0.3, width * 0.44];
  pen.fillStyle = '#e8dfcd';
  pen.beginPath();
  pen.arc(width / 2, top, wide / 2 + 44, Math.PI, 0);
  pen.lineTo(left + wide + 44, height * 0.86);
  pen.lineTo(left - 44, height * 0.86);
  pen.fill();
  pen.fillStyle = shade(pen, height, '#a9cbe0', '#d8e9ef', '#7f9fb0');
  pen.beginPath();
  pen.arc(width / 2, top, wide / 2, Math.PI, 0);
  pen.lineTo(left + wide, height * 0.8);
  pen.lineTo(left, height * 0.8);
  pen.fill();
  pen.strokeStyle = '#3e4b46';
  pen.lineWidth = 18;
  line(pen, width / 2, top - wide / 2, width / 2, height * 0.8);
  for (const y of [0.32, 0.48, 0.64]) line(pen, left, height * y, left + wide, height * y);
}

function stair(pen: Pen, width: number, height: number): void {
  pen.fillStyle = shade(pen, height, '#e9e2d4', '#c7b9a0');
  pen.fillRect(0, 0, width, height);
  for (let step = 0; step < 13; step++) {
    const y = height - step * (height / 14);
    const inset = step * width * 0.03;
    pen.fillStyle = `hsl(30 ${26 - step}% ${28 + step * 3.4}%)`;
    pen.fillRect(inset, y - height / 14, width - 2 * inset, height / 14);
    pen.fillStyle = 'rgb(255 246 226 / 26%)';
    pen.fillRect(inset, y - height / 14, width - 2 * inset, 14);
  }
  pen.strokeStyle = '#2a2621';
  pen.lineWidth = 16;
  line(pen, width * 0.06, height * 0.62, width * 0.42, height * 0.02);
}

function beams(pen: Pen, width: number, height: number): void {
  pen.fillStyle = shade(pen, height, '#4a3626', '#7d5c3c', '#a88458');
  pen.fillRect(0, 0, width, height);
  for (let index = -3; index < 9; index++) {
    pen.save();
    pen.translate(width * (0.1 + index * 0.14), 0);
    pen.transform(1, 0, -0.4, 1, 0, 0);
    pen.fillStyle = shade(pen, height, '#2f2015', '#5b3f27');
    pen.fillRect(0, 0, width * 0.045, height);
    pen.restore();
  }
  pen.fillStyle = '#3c2a1b';
  pen.fillRect(0, height * 0.55, width, height * 0.09);
  pen.fillStyle = 'rgb(255 231 190 / 20%)';
  pen.fillRect(0, height * 0.55, width, 12);
}

function portrait(hue: number, hair: string, skin: string, cut: 'long' | 'short' | 'round') {
  return (pen: Pen, width: number, height: number): void => {
    pen.fillStyle = shade(pen, height, `hsl(${hue} 42% 72%)`, `hsl(${hue} 38% 48%)`);
    pen.fillRect(0, 0, width, height);
    const [x, y, r] = [width / 2, height * 0.43, width * 0.19];
    pen.fillStyle = hair;
    pen.beginPath();
    if (cut === 'long') pen.roundRect(x - r * 1.28, y - r * 1.35, r * 2.56, r * 3.1, r);
    else pen.arc(x, y - r * (cut === 'round' ? 0.25 : 0.18), r * (cut === 'round' ? 1.55 : 1.1), 0, 7);
    pen.fill();
    pen.fillStyle = `hsl(${hue + 150} 30% 34%)`;
    pen.beginPath();
    pen.ellipse(x, height * 1.02, width * 0.4, height * 0.34, 0, 0, 7);
    pen.fill();
    pen.fillStyle = skin;
    pen.fillRect(x - r * 0.38, y + r * 0.5, r * 0.76, r * 1.1);
    pen.beginPath();
    pen.ellipse(x, y, r * 0.92, r * 1.14, 0, 0, 7);
    pen.fill();
    pen.fillStyle = hair;
    pen.beginPath();
    pen.ellipse(x, y - r * 0.82, r * 0.98, r * 0.48, 0, 0, 7);
    pen.fill();
    pen.fillStyle = '#2c211b';
    for (const side of [-1, 1]) {
      pen.beginPath();
      pen.arc(x + side * r * 0.36, y - r * 0.02, r * 0.08, 0, 7);
      pen.fill();
    }
    pen.strokeStyle = '#7b3f35';
    pen.lineWidth = r * 0.07;
    pen.beginPath();
    pen.arc(x, y + r * 0.36, r * 0.3, 0.4, Math.PI - 0.4);
    pen.stroke();
  };
}
