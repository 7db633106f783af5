// Reads and draws the bar code that the test picture carries: 32 bits of sequence, 32 of clock, 16 of checksum in two rows of forty.

const [COLUMNS, ROWS, ROW_SHARE, THRESHOLD] = [40, 2, 22, 125];
const [DARK, LIGHT] = [40, 210];

/** `luma(x, y)` gives 0 to 255. Returns `{ sequence, clockMs }`, or null when there is no mark. */
export function readMark(width, height, luma) {
  if (width / COLUMNS < 4 || height / ROW_SHARE < 4) return null;
  const bits = [];
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) {
      const [left, right] = inner(Math.floor(column * width / COLUMNS), Math.floor((column + 1) * width / COLUMNS));
      const [top, end] = inner(Math.floor(row * height / ROW_SHARE), Math.floor((row + 1) * height / ROW_SHARE));
      let sum = 0;
      for (let y = top; y < end; y += 1) for (let x = left; x < right; x += 1) sum += luma(x, y);
      bits.push(sum / ((end - top) * (right - left)) > THRESHOLD);
    }
  }
  const number = (from, count) => {
    let value = 0;
    for (let bit = count - 1; bit >= 0; bit -= 1) value = value * 2 + Number(bits[from + bit]);
    return value;
  };
  const [sequence, clockMs] = [number(0, 32), number(32, 32)];
  return number(64, 16) === checksum(sequence, clockMs) ? { sequence, clockMs } : null;
}

/** Draws the mark into a picture of I420, as `parley_media::mark::video_mark::stamp` does. */
export function stampMark(data, width, height, sequence, clockMs) {
  const words = [sequence >>> 0, clockMs >>> 0, checksum(sequence, clockMs)];
  const row = (n) => Math.floor((n * height) / ROW_SHARE);
  const column = (n) => Math.floor((n * width) / COLUMNS);
  for (let bit = 0; bit < ROWS * COLUMNS; bit += 1) {
    const value = (words[bit >> 5] >>> (bit & 31)) & 1 ? LIGHT : DARK;
    const [left, right] = [column(bit % COLUMNS), column((bit % COLUMNS) + 1)];
    const top = Math.floor(bit / COLUMNS);
    for (let y = row(top); y < row(top + 1); y += 1) data.fill(value, y * width + left, y * width + right);
  }
  const [luma, chroma] = [width * height, (width * height) / 4];
  const grey = Math.ceil(row(ROWS) / 2) * (width / 2);
  for (const plane of [luma, luma + chroma]) data.fill(128, plane, plane + grey);
}

/** The middle half: what neighbours blur is left out. */
function inner(start, end) {
  const quarter = Math.floor((end - start) / 4);
  return [start + quarter, end - quarter];
}

/** CRC-16/CCITT over both numbers, least byte first. */
function checksum(...words) {
  let crc = 0xffff;
  for (const word of words) {
    for (let shift = 0; shift < 32; shift += 8) {
      crc ^= ((word >>> shift) & 0xff) << 8;
      for (let bit = 0; bit < 8; bit += 1) crc = ((crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff);
    }
  }
  return crc;
}
