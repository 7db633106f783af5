//! A moving test picture for machines without a camera: dusk over hills, two balls, a clock of one turn a second, and the
//! latency mark along the top.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{VideoEvent, emitter::Emitter, synthetic::Pace};
use crate::{
    device::DeviceError,
    frame::{I420, VideoFrame, even_size},
    mark::{clock_ms, video_mark},
};

/// Draws the test picture of a given moment. Without [`TestPattern::draw`]'s mark two pictures of the same time are equal.
#[derive(Debug)]
pub struct TestPattern {
    background: I420,
    sequence: u32,
}

impl TestPattern {
    /// Sizes are rounded as in [`I420::scaled`].
    pub fn new(width: usize, height: usize) -> Self {
        let (width, height) = even_size(width, height);
        Self { background: draw_background(width, height), sequence: 0 }
    }

    /// Draws the picture for `time` since any fixed moment and stamps the mark with the next sequence number and `clock_ms`.
    pub fn draw(&mut self, time: Duration, clock_ms: u32) -> I420 {
        let mut picture = self.background.clone();
        draw_balls(&mut picture, time.as_secs_f32());
        draw_clock_hand(&mut picture, time.as_secs_f32());
        video_mark::stamp(&mut picture, self.sequence, clock_ms);
        self.sequence = self.sequence.wrapping_add(1);
        picture
    }
}

pub(super) fn run(width: usize, height: usize, fps: u32, emitter: &Emitter<VideoEvent>) -> Result<(), DeviceError> {
    let fps = fps.clamp(1, 120);
    let mut pattern = TestPattern::new(width, height);
    let (width, height) = (pattern.background.width(), pattern.background.height());
    let mut go_on = emitter.emit(VideoEvent::Started { name: "Test picture".to_owned(), width, height, fps });
    let began = Instant::now();
    let mut pace = Pace::new(Duration::from_secs(1) / fps);
    while go_on {
        pace.wait();
        let captured_at = Instant::now();
        let picture = Arc::new(pattern.draw(captured_at - began, clock_ms(captured_at)));
        go_on = emitter.emit(VideoEvent::Frame(VideoFrame { picture, captured_at }));
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Colour {
    y: u8,
    u: u8,
    v: u8,
}

const fn rgb(r: i32, g: i32, b: i32) -> Colour {
    Colour {
        y: (16 + (66 * r + 129 * g + 25 * b) / 256) as u8,
        u: (128 + (-38 * r - 74 * g + 112 * b) / 256) as u8,
        v: (128 + (112 * r - 94 * g - 18 * b) / 256) as u8,
    }
}

const SKY_TOP: Colour = rgb(38, 44, 92);
const SKY_BOTTOM: Colour = rgb(250, 170, 120);
const FAR_HILL: Colour = rgb(98, 76, 122);
const NEAR_HILL: Colour = rgb(44, 62, 84);
const CORAL: Colour = rgb(238, 108, 92);
const TEAL: Colour = rgb(72, 178, 168);
const CREAM: Colour = rgb(252, 240, 218);

fn draw_background(width: usize, height: usize) -> I420 {
    let mut picture = I420::new(width, height);
    let wave = |x: f32, cycles: f32, phase: f32| (x * cycles * std::f32::consts::TAU + phase).sin();
    for row in 0..height {
        let down = row as f32 / height as f32;
        for column in 0..width {
            let across = column as f32 / width as f32;
            let far = 0.66 + 0.05 * wave(across, 1.3, 0.4) + 0.02 * wave(across, 3.1, 1.0);
            let near = 0.80 + 0.05 * wave(across, 0.9, 2.2) + 0.015 * wave(across, 4.3, 0.0);
            let colour = if down > near {
                NEAR_HILL
            } else if down > far {
                mix(FAR_HILL, NEAR_HILL, (down - far) * 2.0)
            } else {
                mix(SKY_TOP, SKY_BOTTOM, down / 0.7)
            };
            put(&mut picture, column, row, colour);
        }
    }
    picture
}

fn draw_balls(picture: &mut I420, seconds: f32) {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let swing = (seconds * 1.1).sin();
    let bounce = (seconds * 2.3).sin().abs();
    draw_disc(picture, width * (0.5 + 0.32 * swing), height * 0.42, height * 0.13, CORAL);
    draw_disc(picture, width * (0.5 - 0.28 * swing), height * (0.78 - 0.34 * bounce), height * 0.09, TEAL);
}

/// A dial in the lower right corner whose hand turns once a second.
fn draw_clock_hand(picture: &mut I420, seconds: f32) {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let (x, y, radius) = (width - height * 0.14, height * 0.86, height * 0.09);
    draw_disc(picture, x, y, radius, CREAM);
    let angle = seconds.fract() * std::f32::consts::TAU;
    for step in 0..8 {
        let along = radius * 0.1 * step as f32;
        draw_disc(picture, x + along * angle.sin(), y - along * angle.cos(), height * 0.013, NEAR_HILL);
    }
}

/// A disc that is lit from the upper left. Parts outside the picture are left out.
fn draw_disc(picture: &mut I420, centre_x: f32, centre_y: f32, radius: f32, colour: Colour) {
    let (width, height) = (picture.width(), picture.height());
    let clip = |value: f32, end: usize| (value.max(0.0) as usize).min(end);
    for row in clip(centre_y - radius, height)..clip(centre_y + radius + 1.0, height) {
        let dy = row as f32 - centre_y;
        let half = (radius * radius - dy * dy).max(0.0).sqrt();
        for column in clip(centre_x - half, width)..clip(centre_x + half, width) {
            let dx = column as f32 - centre_x;
            let light = -(dx + dy) / (radius * 2.0);
            let y = (f32::from(colour.y) + light * 34.0).clamp(16.0, 235.0) as u8;
            put(picture, column, row, Colour { y, ..colour });
        }
    }
}

/// Colours one pixel; its chroma sample goes with the pixel at even coordinates.
fn put(picture: &mut I420, column: usize, row: usize, colour: Colour) {
    let width = picture.width();
    let (y, u, v) = picture.planes_mut();
    y[row * width + column] = colour.y;
    if row.is_multiple_of(2) && column.is_multiple_of(2) {
        let at = row / 2 * (width / 2) + column / 2;
        u[at] = colour.u;
        v[at] = colour.v;
    }
}

fn mix(from: Colour, to: Colour, share: f32) -> Colour {
    let share = share.clamp(0.0, 1.0);
    let mix = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share) as u8;
    Colour { y: mix(from.y, to.y), u: mix(from.u, to.u), v: mix(from.v, to.v) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_move_and_carry_their_mark() {
        let mut pattern = TestPattern::new(640, 360);
        let first = pattern.draw(Duration::from_millis(0), 1000);
        let second = pattern.draw(Duration::from_millis(400), 1400);
        assert_eq!(video_mark::read(&first), Some((0, 1000)));
        assert_eq!(video_mark::read(&second), Some((1, 1400)));
        let below_mark = first.y().len() / 4..;
        let changed = first.y()[below_mark.clone()]
            .iter()
            .zip(&second.y()[below_mark])
            .filter(|(a, b)| a.abs_diff(**b) > 20)
            .count();
        assert!(changed > first.y().len() / 50, "only {changed} pixels moved");
    }

    #[test]
    fn any_size_can_be_drawn() {
        for (width, height) in [(2, 2), (17, 9), (320, 180), (180, 320)] {
            let picture = TestPattern::new(width, height).draw(Duration::from_secs(5), 0);
            assert_eq!((picture.width(), picture.height()), even_size(width, height));
        }
    }
}
