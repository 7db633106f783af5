//! Makes pictures smaller when the path is too narrow for their size.

/// Bits per second below which a 1280x720 picture is halved; halving a side quarters the bits it needs.
const HALF_BELOW_BPS: u32 = 450_000;
const QUARTER_BELOW_BPS: u32 = 150_000;
const REFERENCE_PIXELS: f64 = 1280.0 * 720.0;
/// The picture grows again only well above the threshold, or it would flicker between two sizes.
const GROW_MARGIN: f64 = 1.4;
const MIN_SIDE: usize = 90;

/// Chooses the divisor of both sides, with hysteresis.
#[derive(Debug)]
pub(crate) struct ScalePolicy {
    divisor: usize,
}

impl Default for ScalePolicy {
    fn default() -> Self {
        Self { divisor: 1 }
    }
}

impl ScalePolicy {
    /// The size to encode a picture in. Sides stay even; small pictures stay as they are.
    pub(crate) fn fit(&mut self, width: usize, height: usize, bitrate_bps: u32) -> (usize, usize) {
        let share = (width * height) as f64 / REFERENCE_PIXELS;
        let wanted = divisor(bitrate_bps, share);
        if wanted > self.divisor || divisor(bitrate_bps, share * GROW_MARGIN) < self.divisor {
            self.divisor = wanted;
        }
        let mut divisor = self.divisor;
        while divisor > 1 && width.min(height) / divisor < MIN_SIDE {
            divisor /= 2;
        }
        (even(width / divisor), even(height / divisor))
    }
}

fn divisor(bitrate_bps: u32, share: f64) -> usize {
    let bps = f64::from(bitrate_bps);
    if bps < f64::from(QUARTER_BELOW_BPS) * share {
        4
    } else if bps < f64::from(HALF_BELOW_BPS) * share {
        2
    } else {
        1
    }
}

fn even(side: usize) -> usize {
    side & !1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_path_gets_a_smaller_picture() {
        let mut policy = ScalePolicy::default();
        assert_eq!(policy.fit(1280, 720, 2_500_000), (1280, 720));
        assert_eq!(policy.fit(1280, 720, 300_000), (640, 360));
        assert_eq!(policy.fit(1280, 720, 100_000), (320, 180));
        assert_eq!(policy.fit(1280, 720, 2_500_000), (1280, 720));
    }

    #[test]
    fn a_rate_close_to_the_threshold_does_not_flicker() {
        let mut policy = ScalePolicy::default();
        policy.fit(1280, 720, 440_000);
        let sizes: Vec<_> = [460_000, 440_000, 500_000].map(|bps| policy.fit(1280, 720, bps)).into();
        assert_eq!(sizes, [(640, 360); 3]);
        assert_eq!(policy.fit(1280, 720, 700_000), (1280, 720));
    }

    #[test]
    fn small_pictures_stay_and_sides_stay_even() {
        let mut policy = ScalePolicy::default();
        assert_eq!(policy.fit(160, 120, 1_000), (160, 120));
        let (width, height) = policy.fit(854, 478, 1_000);
        assert_eq!((width % 2, height % 2), (0, 0));
    }
}
