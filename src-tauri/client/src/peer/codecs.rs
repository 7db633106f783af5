//! The codecs and RTP extensions that we offer and accept.

use rtc::interceptor::{
    CongestionControlBuilder, NackGeneratorBuilder, NackResponderBuilder, PacerBuilder, Registry, Slot,
    TwccReceiverBuilder, TwccSenderBuilder,
};
use rtc::peer_connection::configuration::interceptor_registry::configure_rtcp_reports;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX, MediaEngine};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::error::Result;
use std::time::Duration;

use super::bandwidth::Estimator;
use super::feedback::{KEY_FRAME_TAP_SLOT, KeyFrameTap, UNDO_RTX_SLOT, UndoRtx};

const H264_PAYLOAD_TYPE: u8 = 102;
const H264_RTX_PAYLOAD_TYPE: u8 = 103;
const OPUS_PAYLOAD_TYPE: u8 = 111;
/// Constrained Baseline, level 3.1, non-interleaved: the profile that every browser sends and receives.
const H264_FORMAT: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

const NACK_INTERVAL: Duration = Duration::from_millis(25);
const MAX_NACKS_PER_PACKET: u16 = 10;
/// About three seconds of video: what the pacer holds before it refuses more.
const PACER_QUEUE_PACKETS: usize = 1024;

pub(crate) fn h264() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_H264.to_owned(),
        clock_rate: 90_000,
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
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![feedback("transport-cc", "")],
    }
}

fn h264_rtx() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: 90_000,
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

/// The interceptor chain: reports, NACK both ways, transport-wide feedback both ways, pacer, our own estimator.
pub(crate) fn interceptors(estimator: Estimator, on_key_frame_request: impl Fn() + Send + Sync + 'static) -> Registry {
    let pacer =
        PacerBuilder::new().with_target_bitrate(estimator.pacing_bps()).with_queue_limit(PACER_QUEUE_PACKETS).build();
    let nack_generator = NackGeneratorBuilder::new()
        .with_interval(NACK_INTERVAL)
        .with_max_nacks_per_packet(MAX_NACKS_PER_PACKET)
        .build();
    configure_rtcp_reports(Registry::new())
        .with(Slot::from(KEY_FRAME_TAP_SLOT), KeyFrameTap::new(on_key_frame_request))
        .with(Slot::CongestionControl, CongestionControlBuilder::new(estimator).build())
        .with(Slot::TwccSender, TwccSenderBuilder::new().build())
        .with(Slot::Pacer, pacer)
        .with(Slot::NackResponder, NackResponderBuilder::new().build())
        .with(Slot::from(UNDO_RTX_SLOT), UndoRtx::default())
        .with(Slot::NackGenerator, nack_generator)
        .with(Slot::TwccReceiver, TwccReceiverBuilder::new().build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::BandwidthLimits;

    #[test]
    fn the_chain_undoes_rtx_before_it_asks_for_repairs() {
        let registry = interceptors(Estimator::new(BandwidthLimits::default()), || {});
        let slots: Vec<usize> = registry.slots().into_iter().map(|(slot, _)| slot.slot()).collect();
        let place = |slot: usize| slots.iter().position(|s| *s == slot).unwrap();
        assert!(place(UNDO_RTX_SLOT) < place(Slot::NackGenerator.slot()));
        assert!(place(KEY_FRAME_TAP_SLOT) < place(Slot::CongestionControl.slot()));
        assert!(!slots.contains(&Slot::JitterBuffer.slot()), "we bring our own jitter buffer");
    }
}
