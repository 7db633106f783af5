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

/// What can be made part of the chain.
pub(super) trait Part: Send {
    /// Processes one chunk in place. `played` is what the loudspeaker plays at about the same time.
    fn process(&mut self, samples: &mut Samples, played: &Samples);
}

/// One part. It exists only while it is on: turned on again it begins to learn anew, and turning one part leaves what the
/// others have learned.
pub(super) struct Stage {
    make: fn() -> Box<dyn Part>,
    part: Option<Box<dyn Part>>,
    switch: Switch,
    /// What came last: a part that is turned on hears it first, or it would begin with the silence of its own delay.
    before: (Samples, Samples),
}

impl Stage {
    pub(super) fn new(make: fn() -> Box<dyn Part>) -> Self {
        let silence = [0.0; CHUNK_SAMPLES];
        Self { make, part: None, switch: Switch::default(), before: (silence, silence) }
    }

    pub(super) fn run(&mut self, wanted: bool, samples: &mut Samples, played: &Samples) {
        let dry = *samples;
        if wanted && self.part.is_none() {
            let mut part = (self.make)();
            let (mut samples, played) = self.before;
            part.process(&mut samples, &played);
            self.part = Some(part);
        }
        if let Some(part) = &mut self.part {
            part.process(samples, played);
        }
        self.switch.choose(wanted, &dry, samples);
        if !wanted {
            self.part = None;
        }
        self.before = (dry, *played);
    }
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("on", &self.part.is_some()).finish_non_exhaustive()
    }
}

/// Noise suppression or gain of `sonora`, which need not know what is played.
pub(super) struct Processing(AudioProcessing);

impl Processing {
    pub(super) fn new(config: Config) -> Self {
        let mono = StreamConfig::new(SAMPLE_RATE, 1);
        Self(AudioProcessing::builder().config(config).capture_config(mono).render_config(mono).build())
    }
}

impl Part for Processing {
    fn process(&mut self, samples: &mut Samples, _played: &Samples) {
        let input = *samples;
        // Sound that is refused, which happens for other formats only, stays as it is.
        let _ = self.0.process_capture_f32(&[&input], &mut [samples]);
    }
}
