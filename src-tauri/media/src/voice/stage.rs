//! One part of the chain that can be turned on and off while sound flows.

use sonora::{AudioProcessing, Config, StreamConfig};

use crate::audio::{CHUNK_SAMPLES, SAMPLE_RATE};

type Samples = [f32; CHUNK_SAMPLES];

/// Goes over from one version of a sound to another within 10 ms, without a click.
#[derive(Debug, Default)]
pub(super) struct Switch {
    on: bool,
}

impl Switch {
    /// Leaves in `wet` what is to be heard: the processed sound when it is wanted, else the `dry` one.
    pub(super) fn choose(&mut self, wanted: bool, dry: &Samples, wet: &mut Samples) {
        let was_on = std::mem::replace(&mut self.on, wanted);
        match (was_on, wanted) {
            (true, true) => {}
            (false, false) => *wet = *dry,
            (false, true) => fade(dry, wet, |share| share),
            (true, false) => fade(dry, wet, |share| 1.0 - share),
        }
    }
}

/// `wet_share` says how much of the wet sound is left when `share` of the chunk has passed.
fn fade(dry: &Samples, wet: &mut Samples, wet_share: impl Fn(f32) -> f32) {
    for (n, (wet, dry)) in wet.iter_mut().zip(dry).enumerate() {
        let share = wet_share((n as f32 + 0.5) / CHUNK_SAMPLES as f32);
        *wet = *wet * share + dry * (1.0 - share);
    }
}

/// One part, made by `sonora`. It exists only while it is on: turned on again it begins to learn anew, and turning one part
/// leaves what the others have learned.
#[derive(Debug)]
pub(super) struct Stage {
    config: fn() -> Config,
    part: Option<Box<AudioProcessing>>,
    switch: Switch,
    /// What came last: a part that is turned on hears it first, or it would begin with the silence of its own delay.
    before: (Samples, Samples),
}

impl Stage {
    pub(super) fn new(config: fn() -> Config) -> Self {
        let silence = [0.0; CHUNK_SAMPLES];
        Self { config, part: None, switch: Switch::default(), before: (silence, silence) }
    }

    /// Processes one chunk in place. `played` is what the loudspeaker plays at about the same time.
    pub(super) fn run(&mut self, wanted: bool, samples: &mut Samples, played: &Samples) {
        let dry = *samples;
        if wanted && self.part.is_none() {
            let mut part = build((self.config)());
            let (mut samples, played) = self.before;
            process(&mut part, &mut samples, &played);
            self.part = Some(part);
        }
        if let Some(part) = &mut self.part {
            process(part, samples, played);
        }
        self.switch.choose(wanted, &dry, samples);
        if !wanted {
            self.part = None;
        }
        self.before = (dry, *played);
    }
}

fn build(config: Config) -> Box<AudioProcessing> {
    let mono = StreamConfig::new(SAMPLE_RATE, 1);
    Box::new(AudioProcessing::builder().config(config).capture_config(mono).render_config(mono).build())
}

/// Sound that is refused, which happens for other formats only, stays as it is.
fn process(part: &mut AudioProcessing, samples: &mut Samples, played: &Samples) {
    if part.config().echo_canceller.is_some() {
        let _ = part.process_render_f32(&[played], &mut [&mut [0.0; CHUNK_SAMPLES]]);
    }
    let input = *samples;
    let _ = part.process_capture_f32(&[&input], &mut [samples]);
}
