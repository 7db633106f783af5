//! What a canvas shows, read back through the page.

use anyhow::{Context, Result, bail};
use fantoccini::Client;
use serde_json::json;

const WIDTH: usize = 64;
const HEIGHT: usize = 36;

/// RGB, 64 x 36 pixels, rows tight.
#[derive(Clone, PartialEq, Eq)]
pub struct Pixels {
    rgb: Vec<u8>,
}

impl Pixels {
    /// Whether it is more than a black or plain area.
    pub fn is_picture(&self) -> bool {
        let brightest = self.rgb.iter().max().copied().unwrap_or(0);
        brightest > 60 && self.colours() > 8
    }

    /// Whether at least one pixel in fifty changed visibly.
    pub fn differs_from(&self, other: &Self) -> bool {
        let changed = self
            .rgb
            .chunks(3)
            .zip(other.rgb.chunks(3))
            .filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > 24))
            .count();
        changed * 50 >= WIDTH * HEIGHT
    }

    /// Colours that differ clearly.
    fn colours(&self) -> usize {
        let mut colours: Vec<[u8; 3]> =
            self.rgb.chunks_exact(3).map(|rgb| [rgb[0] >> 5, rgb[1] >> 5, rgb[2] >> 5]).collect();
        colours.sort_unstable();
        colours.dedup();
        colours.len()
    }
}

impl std::fmt::Debug for Pixels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pixels({} colours, first {:?})", self.colours(), self.rgb.get(..3))
    }
}

pub(super) async fn read(page: &Client, selector: &str) -> Result<Pixels> {
    let script = "
        const [selector, width, height] = arguments;
        const copy = document.createElement('canvas');
        Object.assign(copy, { width, height });
        const pen = copy.getContext('2d');
        pen.drawImage(document.querySelector(selector), 0, 0, width, height);
        return Array.from(pen.getImageData(0, 0, width, height).data).filter((_, at) => at % 4 !== 3);";
    let read = page.execute(script, vec![json!(selector), json!(WIDTH), json!(HEIGHT)]).await;
    let rgb: Vec<u8> = serde_json::from_value(read.with_context(|| format!("read the pixels of {selector}"))?)?;
    if rgb.len() != WIDTH * HEIGHT * 3 {
        bail!("{selector} gave {} bytes", rgb.len());
    }
    Ok(Pixels { rgb })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(colour: impl Fn(usize) -> [u8; 3]) -> Pixels {
        Pixels { rgb: (0..WIDTH * HEIGHT).flat_map(colour).collect() }
    }

    #[test]
    fn black_and_plain_areas_are_no_picture() {
        assert!(!pixels(|_| [0, 0, 0]).is_picture());
        assert!(!pixels(|_| [200, 90, 10]).is_picture());
        assert!(pixels(|at| [(at % 64 * 4) as u8, (at / 64 * 7) as u8, 128]).is_picture());
    }

    #[test]
    fn noise_is_no_motion_but_a_moved_bar_is() {
        let bar =
            |from: usize| pixels(move |at| if (from..from + 4).contains(&(at % WIDTH)) { [255; 3] } else { [30; 3] });
        assert!(!bar(0).differs_from(&pixels(|at| if at % WIDTH < 4 { [240; 3] } else { [20; 3] })));
        assert!(bar(0).differs_from(&bar(20)));
    }
}
