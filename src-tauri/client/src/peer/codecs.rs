//! The codecs and RTP extensions that we offer and accept.

use rtc::interceptor::{CongestionControlBuilder, Registry, Slot, TwccReceiverBuilder, TwccSenderBuilder};
use rtc::peer_connection::configuration::interceptor_registry::configure_rtcp_reports;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX, MediaEngine};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::error::Result;
use std::time::Duration;

use super::budget::Congestion;
use super::clocks::{Clocks, REPORT_TAP_SLOT, ReportTap};
use super::estimator::Estimator;
use super::feedback::{ARRIVALS_SLOT, FEEDBACK_DOOR_SLOT, FeedbackDoor, UNDO_RTX_SLOT, UndoRtx, WithRepairs};
use super::paced_sender::PacedSender;
use super::repair_requests::RepairRequests;

const H264_PAYLOAD_TYPE: u8 = 102;
const H264_RTX_PAYLOAD_TYPE: u8 = 103;
const OPUS_PAYLOAD_TYPE: u8 = 111;
const RED_PAYLOAD_TYPE: u8 = 63;
pub(crate) const MIME_TYPE_RED: &str = "audio/red";
/// Constrained Baseline, level 3.1, non-interleaved: the profile that every browser sends and receives.
const H264_FORMAT: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

pub(crate) const VIDEO_CLOCK_HZ: u32 = 90_000;
pub(crate) const AUDIO_CLOCK_HZ: u32 = 48_000;

/// How often arrivals are reported: the other side notices a queue after a round trip and half of this.
const REPORT_INTERVAL: Duration = Duration::from_millis(30);

pub(crate) fn h264() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_H264.to_owned(),
        clock_rate: VIDEO_CLOCK_HZ,
        channels: 0,
        sdp_fmtp_line: H264_FORMAT.to_owned(),
        rtcp_feedback: vec![
            feedback("transport-cc", ""),
            feedback("ccm", "fir"),
            feedback("nack", ""),
            feedback("nack", "pli"),
        ],
    }
}

pub(crate) fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: AUDIO_CLOCK_HZ,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![feedback("transport-cc", "")],
    }
}

/// Sound with copies of earlier sound; each of its blocks is Opus.
fn red() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_RED.to_owned(),
        sdp_fmtp_line: format!("{OPUS_PAYLOAD_TYPE}/{OPUS_PAYLOAD_TYPE}"),
        ..opus()
    }
}

fn h264_rtx() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: VIDEO_CLOCK_HZ,
        channels: 0,
        sdp_fmtp_line: format!("apt={H264_PAYLOAD_TYPE}"),
        rtcp_feedback: Vec::new(),
    }
}

fn feedback(typ: &str, parameter: &str) -> RTCPFeedback {
    RTCPFeedback { typ: typ.to_owned(), parameter: parameter.to_owned() }
}

/// Our codecs, each under one payload type (the stack's own table has one twice).
pub(crate) fn media_engine() -> Result<MediaEngine> {
    let mut engine = MediaEngine::default();
    let codecs = [
        (h264(), H264_PAYLOAD_TYPE, RtpCodecKind::Video),
        (h264_rtx(), H264_RTX_PAYLOAD_TYPE, RtpCodecKind::Video),
        (opus(), OPUS_PAYLOAD_TYPE, RtpCodecKind::Audio),
        (red(), RED_PAYLOAD_TYPE, RtpCodecKind::Audio),
    ];
    for (rtp_codec, payload_type, kind) in codecs {
        engine.register_codec(RTCRtpCodecParameters { rtp_codec, payload_type }, kind)?;
    }
    for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
        let extension = RTCRtpHeaderExtensionCapability { uri: TRANSPORT_CC_URI.to_owned() };
        engine.register_header_extension(extension, kind, None)?;
    }
    Ok(engine)
}

/// The interceptor chain: reports, repairs both ways, transport-wide feedback both ways, our own pacer and estimator.
///
/// `on_key_frame_request` is called when the other side needs a key frame, or when pictures to it were dropped.
pub(crate) fn interceptors(
    congestion: Congestion,
    clocks: Clocks,
    on_key_frame_request: impl Fn() + Clone + Send + Sync + 'static,
) -> Registry {
    let estimator = CongestionControlBuilder::new(Estimator::new(congestion.clone())).build();
    configure_rtcp_reports(Registry::new())
        .with(Slot::from(FEEDBACK_DOOR_SLOT), FeedbackDoor::new(on_key_frame_request.clone()))
        .with(Slot::from(REPORT_TAP_SLOT), ReportTap::new(clocks))
        .with(Slot::CongestionControl, WithRepairs(estimator))
        .with(Slot::TwccSender, WithRepairs(TwccSenderBuilder::new().build()))
        .with(Slot::Pacer, PacedSender::new(congestion, on_key_frame_request))
        .with(Slot::from(ARRIVALS_SLOT), TwccReceiverBuilder::new().with_interval(REPORT_INTERVAL).build())
        .with(Slot::from(UNDO_RTX_SLOT), UndoRtx::default())
        .with(Slot::NackGenerator, RepairRequests::new(rand::random()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::BandwidthLimits;

    #[test]
    fn the_chain_undoes_rtx_before_it_asks_for_repairs() {
        let registry = interceptors(Congestion::new(BandwidthLimits::default()), Clocks::default(), || {});
        let slots: Vec<usize> = registry.slots().into_iter().map(|(slot, _)| slot.slot()).collect();
        let place = |slot: usize| slots.iter().position(|s| *s == slot).unwrap();
        assert!(place(UNDO_RTX_SLOT) < place(Slot::NackGenerator.slot()));
        assert!(place(ARRIVALS_SLOT) < place(UNDO_RTX_SLOT), "probes arrive, too");
        assert!(place(FEEDBACK_DOOR_SLOT) < place(Slot::CongestionControl.slot()));
        assert!(!slots.contains(&Slot::JitterBuffer.slot()), "we bring our own jitter buffer");
    }
}
