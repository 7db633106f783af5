//! Puts H.264 pictures together from RTP payloads (RFC 6184, non-interleaved mode).
//!
//! Packets come in order, with gaps announced. Anything malformed breaks the picture it belongs to, nothing else.

use super::reorder::Ordered;
use crate::peer::MediaPacket;

/// Larger than any picture that we accept to decode at the bit rates of a call.
const MAX_PICTURE_BYTES: usize = 4 << 20;
const START_CODE: [u8; 4] = [0, 0, 0, 1];
const NAL_TYPE_MASK: u8 = 0x1f;
const NAL_REF_IDC_MASK: u8 = 0x60;
const NAL_IDR: u8 = 5;
const NAL_STAP_A: u8 = 24;
const NAL_FU_A: u8 = 28;
const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;

/// One picture with start codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub annex_b: Vec<u8>,
    pub is_key_frame: bool,
    /// RTP time, 90 kHz.
    pub timestamp: u32,
    /// When it was captured, in microseconds of the sender's wall clock, if that is known.
    pub captured_us: Option<i64>,
}

/// What has been put together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Assembled {
    Picture(Picture),
    /// A picture was lost, whole or in part: later ones refer to what is missing.
    Broken,
}

#[derive(Debug, Default)]
pub(crate) struct Assembler {
    timestamp: Option<u32>,
    captured_us: Option<i64>,
    annex_b: Vec<u8>,
    is_key_frame: bool,
    /// The picture that is being collected lacks something.
    is_broken: bool,
    /// Packets are missing directly before the next one.
    after_gap: bool,
    in_fragment: bool,
}

impl Assembler {
    /// Takes in the next packet or gap.
    pub(crate) fn push(&mut self, item: Ordered) -> Option<Assembled> {
        match item {
            Ordered::Gap => {
                self.after_gap = true;
                None
            }
            Ordered::Packet(packet) => self.on_packet(&packet),
        }
    }

    /// Forgets what was collected.
    pub(crate) fn restart(&mut self) {
        *self = Self::default();
    }

    fn on_packet(&mut self, packet: &MediaPacket) -> Option<Assembled> {
        let was_cut_off = self.timestamp.is_some_and(|timestamp| timestamp != packet.timestamp);
        let after_gap = std::mem::take(&mut self.after_gap);
        let cut_off = if was_cut_off { self.finish(true) } else { None };
        self.timestamp = Some(packet.timestamp);
        self.captured_us = packet.captured_us;
        // A gap may have taken the end of one picture and the beginning of the next.
        self.is_broken |= after_gap;
        if !self.is_broken && !packet.payload.is_empty() {
            self.is_broken = self.add(&packet.payload).is_none();
        }
        // The end of one picture and the loss of the one before are told together as the loss.
        let finished = if packet.marker { self.finish(false) } else { None };
        match (cut_off, finished) {
            (Some(cut_off), None | Some(Assembled::Broken)) => Some(cut_off),
            (Some(_), Some(Assembled::Picture(picture))) if !picture.is_key_frame => Some(Assembled::Broken),
            (_, finished) => finished,
        }
    }

    fn finish(&mut self, cut_off: bool) -> Option<Assembled> {
        let is_whole = !self.is_broken && !self.in_fragment && !cut_off && !self.annex_b.is_empty();
        let picture = Picture {
            annex_b: std::mem::take(&mut self.annex_b),
            is_key_frame: self.is_key_frame,
            timestamp: self.timestamp.unwrap_or_default(),
            captured_us: self.captured_us,
        };
        let was_empty = picture.annex_b.is_empty() && !self.is_broken;
        self.restart();
        if is_whole {
            Some(Assembled::Picture(picture))
        } else if was_empty {
            None
        } else {
            Some(Assembled::Broken)
        }
    }

    /// `None` when the payload is malformed or the picture grows too large.
    fn add(&mut self, payload: &[u8]) -> Option<()> {
        match payload[0] & NAL_TYPE_MASK {
            1..=23 => self.add_nal(payload),
            NAL_STAP_A => self.add_aggregate(&payload[1..]),
            NAL_FU_A => self.add_fragment(payload),
            _ => None,
        }
    }

    fn add_nal(&mut self, nal: &[u8]) -> Option<()> {
        if self.in_fragment {
            return None;
        }
        self.begin_nal(*nal.first()?);
        self.extend(&nal[1..])
    }

    fn add_aggregate(&mut self, mut rest: &[u8]) -> Option<()> {
        while !rest.is_empty() {
            let len = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
            self.add_nal(rest.get(2..2 + len)?)?;
            rest = &rest[2 + len..];
        }
        Some(())
    }

    fn add_fragment(&mut self, payload: &[u8]) -> Option<()> {
        let &[indicator, header, ref fragment @ ..] = payload else {
            return None;
        };
        match (header & FU_START != 0, self.in_fragment) {
            (true, false) => self.begin_nal((indicator & NAL_REF_IDC_MASK) | (header & NAL_TYPE_MASK)),
            (false, true) => {}
            (true, true) | (false, false) => return None,
        }
        self.in_fragment = header & FU_END == 0;
        self.extend(fragment)
    }

    fn begin_nal(&mut self, head: u8) {
        self.is_key_frame |= head & NAL_TYPE_MASK == NAL_IDR;
        self.annex_b.extend(START_CODE);
        self.annex_b.push(head);
    }

    fn extend(&mut self, bytes: &[u8]) -> Option<()> {
        if self.annex_b.len() + bytes.len() > MAX_PICTURE_BYTES {
            return None;
        }
        self.annex_b.extend_from_slice(bytes);
        Some(())
    }
}

#[cfg(test)]
#[path = "depacketize_tests.rs"]
mod tests;
