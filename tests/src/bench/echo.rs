//! Echo cancellation in figures: the voice chain of a client in a synthetic room, without devices or network.

use parley_media::VoiceConfig;
use parley_media::voice::measure::{self, DRIFTS_PPM, ECHO_ONLY, EchoFigures};

/// The worst of all clocks (0, 100 and 300 ppm apart, both ways), with nothing but echo cancellation at work: the rows
/// `echo_return_loss_db` and `near_speech_loss_db`. Takes about ten seconds of one core.
pub fn measure(seed: u64) -> EchoFigures {
    worst_of_all_clocks(ECHO_ONLY, seed)
}

/// The same for the whole chain, as people hear it.
pub fn measure_whole_chain(seed: u64) -> EchoFigures {
    worst_of_all_clocks(VoiceConfig { automatic_gain: false, ..VoiceConfig::ALL }, seed)
}

fn worst_of_all_clocks(config: VoiceConfig, seed: u64) -> EchoFigures {
    DRIFTS_PPM
        .iter()
        .map(|&drift_ppm| measure::echo_figures(config, seed, drift_ppm))
        .reduce(EchoFigures::worse)
        .expect("there are clocks to try")
}
