//! Reads the picture size out of an H.264 sequence parameter set, so that a hostile one is refused before the decoder
//! allocates for it. (ITU-T H.264, 7.3.2.1.1)

/// Width and height in pixels, before cropping, of every sequence parameter set in an Annex B stream.
/// A set that cannot be read is left out: the decoder refuses it by itself.
pub(super) fn picture_sizes(annex_b: &[u8]) -> impl Iterator<Item = (u64, u64)> {
    nal_units(annex_b)
        .filter(|nal| nal.first().is_some_and(|header| header & 0x1f == NAL_TYPE_SPS))
        .filter_map(|nal| read_size(&nal[1..]))
}

const NAL_TYPE_SPS: u8 = 7;

/// A parameter set is some tens of bytes; what is longer is not read to its end.
const MAX_SPS_BYTES: usize = 1_024;

/// Splits at the start codes 00 00 01.
fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        let nal = rest?;
        let end = find_start_code(nal).unwrap_or(nal.len());
        rest = after_start_code(&nal[end..]);
        Some(&nal[..end])
    })
}

fn find_start_code(stream: &[u8]) -> Option<usize> {
    stream.windows(3).position(|bytes| bytes == [0, 0, 1])
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    find_start_code(stream).map(|at| &stream[at + 3..])
}

fn read_size(payload: &[u8]) -> Option<(u64, u64)> {
    let unescaped = unescape(&payload[..payload.len().min(MAX_SPS_BYTES)]);
    let mut bits = Bits { bytes: &unescaped, at: 0 };
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.exp_golomb()?;
    if HIGH_PROFILES.contains(&profile) {
        skip_high_profile_fields(&mut bits)?;
    }
    bits.exp_golomb()?;
    skip_picture_order_count(&mut bits)?;
    bits.exp_golomb()?;
    bits.take(1)?;
    let width = (bits.exp_golomb()? + 1) * 16;
    let height_units = bits.exp_golomb()? + 1;
    let frames_only = bits.take(1)?;
    Some((width, height_units * 16 * (2 - frames_only)))
}

/// Profiles whose parameter set carries chroma format, bit depth and scaling lists.
const HIGH_PROFILES: [u64; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

fn skip_high_profile_fields(bits: &mut Bits<'_>) -> Option<()> {
    let chroma_format = bits.exp_golomb()?;
    if chroma_format == 3 {
        bits.take(1)?;
    }
    bits.exp_golomb()?;
    bits.exp_golomb()?;
    bits.take(1)?;
    if bits.take(1)? == 1 {
        for list in 0..if chroma_format == 3 { 12 } else { 8 } {
            if bits.take(1)? == 1 {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(())
}

fn skip_scaling_list(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8i64, 8i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.signed_exp_golomb()?).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

fn skip_picture_order_count(bits: &mut Bits<'_>) -> Option<()> {
    match bits.exp_golomb()? {
        0 => {
            bits.exp_golomb()?;
        }
        1 => {
            bits.take(1)?;
            bits.exp_golomb()?;
            bits.exp_golomb()?;
            for _ in 0..bits.exp_golomb()?.min(255) {
                bits.exp_golomb()?;
            }
        }
        _ => {}
    }
    Some(())
}

/// Removes the emulation prevention bytes: 00 00 03 becomes 00 00.
fn unescape(payload: &[u8]) -> Vec<u8> {
    let mut zeros = 0;
    payload
        .iter()
        .copied()
        .filter(|&byte| {
            let escape = zeros >= 2 && byte == 3;
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            !escape
        })
        .collect()
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u64> {
        (0..count).try_fold(0, |value, _| {
            let byte = self.bytes.get(self.at / 8)?;
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(value << 1 | u64::from(bit))
        })
    }

    /// ue(v): at most 32 leading zeros.
    fn exp_golomb(&mut self) -> Option<u64> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
            if zeros > 32 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }

    /// se(v)
    fn signed_exp_golomb(&mut self) -> Option<i64> {
        let code = self.exp_golomb()? as i64;
        Some(if code % 2 == 0 { -(code / 2) } else { (code + 1) / 2 })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Baseline, 1280x720, as openh264 writes it.
    const BASELINE_720P: [u8; 12] = [0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50];

    #[test]
    fn size_of_a_stream_without_parameter_set_is_unknown() {
        assert_eq!(picture_sizes(&[0, 0, 1, 0x65, 1, 2, 3]).count(), 0);
        assert_eq!(picture_sizes(&[]).count(), 0);
        assert_eq!(picture_sizes(&BASELINE_720P[..7]).count(), 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0x67), any::<u8>()], 0..200)) {
            let _ = picture_sizes(&bytes).count();
        }

        #[test]
        fn written_sizes_are_read(columns in 1u64..5000, rows in 1u64..5000) {
            let sps = write_baseline_sps(columns, rows);
            prop_assert_eq!(picture_sizes(&sps).collect::<Vec<_>>(), vec![(columns * 16, rows * 16)]);
        }
    }

    /// A minimal baseline parameter set of `columns` by `rows` macroblocks.
    pub(in crate::codec) fn write_baseline_sps(columns: u64, rows: u64) -> Vec<u8> {
        let mut bits = String::new();
        let ue = |value: u64| {
            let binary = format!("{:b}", value + 1);
            "0".repeat(binary.len() - 1) + &binary
        };
        bits += &format!("{:08b}{:08b}{:08b}", 66, 0xc0, 31);
        bits += &(ue(0) + &ue(0) + &ue(2) + &ue(1));
        bits += "0";
        bits += &(ue(columns - 1) + &ue(rows - 1));
        bits += "1101"; // frames only, direct 8x8, no crop, (no vui follows)
        bits += "01";
        while !bits.len().is_multiple_of(8) {
            bits += "0";
        }
        let raw: Vec<u8> = bits
            .as_bytes()
            .chunks(8)
            .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
            .collect();
        let mut escaped = vec![0, 0, 0, 1, 0x67];
        let mut zeros = 0;
        for byte in raw {
            if zeros >= 2 && byte <= 3 {
                escaped.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            escaped.push(byte);
        }
        escaped
    }
}
