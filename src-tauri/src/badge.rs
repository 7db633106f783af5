//! The number on the app's icon, as far as the desktop draws one: Unity's protocol on Linux, the dock of macOS, a dot on Windows.

use tauri::WebviewWindow;
use tracing::debug;

/// Draws the number when it is another than before.
#[derive(Debug, Default)]
pub struct Badge {
    shown: u32,
}

impl Badge {
    /// A desktop that draws none is no reason to stop.
    pub fn show(&mut self, window: Option<WebviewWindow>, count: u32) {
        let Some(window) = window.filter(|_| self.is_news(count)) else { return };
        if let Err(error) = draw(&window, count) {
            debug!(%error, "the icon takes no number");
        }
    }

    fn is_news(&mut self, count: u32) -> bool {
        std::mem::replace(&mut self.shown, count) != count
    }
}

#[cfg(not(windows))]
fn draw(window: &WebviewWindow, count: u32) -> tauri::Result<()> {
    window.set_badge_count((count > 0).then_some(i64::from(count)))
}

#[cfg(windows)]
fn draw(window: &WebviewWindow, count: u32) -> tauri::Result<()> {
    window.set_overlay_icon((count > 0).then(|| tauri::image::Image::new_owned(dot(), SIDE, SIDE)))
}

/// The side of the taskbar's overlay, in pixels.
#[cfg(any(windows, test))]
const SIDE: u32 = 16;

/// A red dot: RGBA, row by row.
#[cfg(any(windows, test))]
fn dot() -> Vec<u8> {
    let middle = f64::from(SIDE - 1) / 2.0;
    let pixel = |x: u32, y: u32| {
        let away = (f64::from(x) - middle).hypot(f64::from(y) - middle);
        if away < 7.0 { [0xd9, 0x2d, 0x20, 0xff] } else { [0; 4] }
    };
    (0..SIDE).flat_map(|y| (0..SIDE).flat_map(move |x| pixel(x, y))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn icon_is_drawn_only_when_the_number_changes() {
        let mut badge = Badge::default();
        let drawn: Vec<bool> = [0, 2, 2, 3, 0, 0].into_iter().map(|count| badge.is_news(count)).collect();
        assert_eq!(drawn, [false, true, false, true, true, false]);
    }

    #[test]
    fn overlay_is_a_dot_on_a_clear_ground() {
        let dot = dot();
        let alpha = |x: usize, y: usize| dot[(y * SIDE as usize + x) * 4 + 3];
        assert_eq!(dot.len(), (SIDE * SIDE * 4) as usize);
        assert_eq!((alpha(8, 8), alpha(0, 0)), (0xff, 0));
    }
}
