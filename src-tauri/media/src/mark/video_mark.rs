//! A bar code in the luma: 32 bits of sequence, 32 bits of clock, 16 bits of checksum, in two rows of forty blocks along
//! the top of the picture. Survives scaling to a quarter and encoding at 300 kbit/s.

use crate::frame::I420;

const COLUMNS: usize = 40;
const ROWS: usize = 2;

/// Height of one row as a share of the picture.
const ROW_SHARE: usize = 22;

/// Far apart, yet not so far that the edges cost the encoder more than they need.
const DARK: u8 = 40;
const LIGHT: u8 = 210;
const THRESHOLD: u32 = (DARK as u32 + LIGHT as u32) / 2;

/// Narrower blocks than this cannot be read for certain.
const MIN_BLOCK: usize = 4;

/// Draws the mark. Pictures narrower than 160 pixels or lower than 88 are left as they are.
pub fn stamp(picture: &mut I420, sequence: u32, clock_ms: u32) {
    let Some(grid) = Grid::of(picture) else { return };
    let word = pack(sequence, clock_ms);
    let width = picture.width();
    let bottom = grid.row(ROWS - 1).1;
    let (luma, u, v) = picture.planes_mut();
    for row in 0..ROWS {
        let (top, end) = grid.row(row);
        for column in 0..COLUMNS {
            let (left, right) = grid.column(column);
            let value = if word >> (row * COLUMNS + column) & 1 == 1 { LIGHT } else { DARK };
            (top..end).for_each(|y| luma[y * width + left..y * width + right].fill(value));
        }
    }
    let chroma = bottom.div_ceil(2) * (width / 2);
    u[..chroma].fill(128);
    v[..chroma].fill(128);
}

/// Reads the mark as (sequence, clock in milliseconds), or `None` when there is none or it is damaged.
pub fn read(picture: &I420) -> Option<(u32, u32)> {
    let grid = Grid::of(picture)?;
    let (luma, width) = (picture.y(), picture.width());
    let mut word = 0u128;
    for row in 0..ROWS {
        let (top, end) = inner(grid.row(row));
        for column in 0..COLUMNS {
            let (left, right) = inner(grid.column(column));
            let sum: u32 = (top..end)
                .flat_map(|y| &luma[y * width + left..y * width + right])
                .map(|&value| u32::from(value))
                .sum();
            let mean = sum / ((end - top) * (right - left)) as u32;
            word |= u128::from(mean > THRESHOLD) << (row * COLUMNS + column);
        }
    }
    unpack(word)
}

/// Where the blocks lie in a picture of some size.
struct Grid {
    width: usize,
    height: usize,
}

impl Grid {
    fn of(picture: &I420) -> Option<Self> {
        let grid = Self { width: picture.width(), height: picture.height() };
        (grid.width / COLUMNS >= MIN_BLOCK && grid.height / ROW_SHARE >= MIN_BLOCK).then_some(grid)
    }

    fn column(&self, column: usize) -> (usize, usize) {
        (column * self.width / COLUMNS, (column + 1) * self.width / COLUMNS)
    }

    fn row(&self, row: usize) -> (usize, usize) {
        (row * self.height / ROW_SHARE, (row + 1) * self.height / ROW_SHARE)
    }
}

/// The middle half of a range: what neighbours blur is left out.
fn inner((start, end): (usize, usize)) -> (usize, usize) {
    let quarter = (end - start) / 4;
    (start + quarter, end - quarter)
}

fn pack(sequence: u32, clock_ms: u32) -> u128 {
    u128::from(sequence) | u128::from(clock_ms) << 32 | u128::from(checksum(sequence, clock_ms)) << 64
}

fn unpack(word: u128) -> Option<(u32, u32)> {
    let (sequence, clock_ms) = (word as u32, (word >> 32) as u32);
    ((word >> 64) as u16 == checksum(sequence, clock_ms)).then_some((sequence, clock_ms))
}

/// CRC-16/CCITT with start value 0xffff, so that neither an all-dark nor an all-light bar is a mark.
fn checksum(sequence: u32, clock_ms: u32) -> u16 {
    let bytes = sequence.to_le_bytes().into_iter().chain(clock_ms.to_le_bytes());
    bytes.fold(0xffff, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(byte) << 8,
            |crc: u16, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        codec::h264::{Decoder, Encoder, EncoderConfig},
        source::pattern::TestPattern,
    };
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn flat_pictures_carry_no_mark() {
        let mut picture = I420::new(640, 360);
        assert_eq!(read(&picture), None);
        picture.y_mut().fill(235);
        assert_eq!(read(&picture), None);
        assert_eq!(read(&I420::new(64, 64)), None);
    }

    #[test]
    fn one_wrong_block_is_noticed() {
        for bit in 0..80 {
            assert_eq!(unpack(pack(77, 123_456) ^ 1 << bit), None);
        }
    }

    #[test]
    fn mark_survives_300_kbit_and_a_quarter_of_the_size() {
        let mut pattern = TestPattern::new(1280, 720);
        let mut encoder =
            Encoder::new(EncoderConfig { width: 1280, height: 720, fps: 30, bitrate_bps: 300_000 }).unwrap();
        let mut decoder = Decoder::new().unwrap();
        let (mut shown, mut full, mut quarter, mut bytes) = (0, 0, 0, 0);
        for n in 0..90u32 {
            let clock = 3_000_000_000 + n * 33;
            let picture = pattern.draw(Duration::from_millis(u64::from(n) * 33), clock);
            let Some(encoded) = encoder.encode(&picture).unwrap() else { continue };
            bytes += encoded.annex_b.len();
            let decoded = decoder.decode(&encoded.annex_b).unwrap().unwrap();
            shown += 1;
            full += usize::from(read(&decoded) == Some((n, clock)));
            quarter += usize::from(read(&decoded.scaled(320, 180)) == Some((n, clock)));
        }
        assert!(shown >= 20, "{shown} of 90 pictures came through");
        assert!(bytes * 8 / 3 < 450_000, "{} bit/s", bytes * 8 / 3);
        assert_eq!((full, quarter), (shown, shown));
    }

    proptest! {
        #[test]
        fn any_mark_is_read_back_at_any_size(sequence: u32, clock: u32, width in 160usize..700, height in 88usize..500) {
            let mut picture = I420::new(width & !1, height & !1);
            stamp(&mut picture, sequence, clock);
            prop_assert_eq!(read(&picture), Some((sequence, clock)));
        }

        #[test]
        fn scaling_up_and_down_keeps_it(sequence: u32, clock: u32, width in 320usize..1300, height in 180usize..800) {
            let mut picture = I420::new(960, 540);
            stamp(&mut picture, sequence, clock);
            prop_assert_eq!(read(&picture.scaled(width, height)), Some((sequence, clock)));
        }
    }
}
