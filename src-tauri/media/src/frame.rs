//! The one shape of a picture inside Parley: planar 4:2:0, BT.601 limited range, tight strides.

use std::{cell::RefCell, fs::File, io::BufWriter, path::Path, sync::Arc, time::Instant};

use fast_image_resize::{
    FilterType, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::U8,
};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

/// Largest width or height of a picture, in pixels.
pub const MAX_DIMENSION: usize = 8192;

/// A picture in planar YUV 4:2:0.
///
/// Width and height are even, 2..=[`MAX_DIMENSION`]. Strides are tight: `width` for Y, `width / 2` for U and V.
/// The planes lie one after the other in one buffer: Y, U, V. Colours are BT.601, limited range (black is 16).
#[derive(Clone, PartialEq, Eq)]
pub struct I420 {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

/// A captured or decoded picture and when the light met the sensor (or when it was decoded).
#[derive(Clone, Debug)]
pub struct VideoFrame {
    pub picture: Arc<I420>,
    pub captured_at: Instant,
}

/// Why a picture could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a picture of {width}x{height} is not possible: sides must be even and 2 to {MAX_DIMENSION}")]
    Size { width: usize, height: usize },
    #[error("the {plane} plane is too short for its size and stride")]
    PlaneTooShort { plane: char },
    #[error("cannot write the picture: {0}")]
    Write(String),
}

impl I420 {
    /// Makes a black picture.
    ///
    /// # Panics
    /// When a side is odd, zero or above [`MAX_DIMENSION`]: sizes that come from outside go through [`I420::from_planes`].
    pub fn new(width: usize, height: usize) -> Self {
        check_size(width, height).expect("the caller passes a checked size");
        let mut data = vec![16; width * height * 3 / 2];
        data[width * height..].fill(128);
        Self { width, height, data }
    }

    /// Copies three planes with strides in bytes. `u` and `v` are half as wide and half as high as `y`.
    ///
    /// # Errors
    /// [`FrameError::Size`] for odd, zero or huge sides, [`FrameError::PlaneTooShort`] when a plane does not hold its rows.
    #[expect(clippy::too_many_arguments, reason = "three planes with their strides")]
    pub fn from_planes(
        width: usize,
        height: usize,
        y: &[u8],
        y_stride: usize,
        u: &[u8],
        u_stride: usize,
        v: &[u8],
        v_stride: usize,
    ) -> Result<Self, FrameError> {
        check_size(width, height)?;
        let mut data = Vec::with_capacity(width * height * 3 / 2);
        append_plane(&mut data, 'Y', y, y_stride, width, height)?;
        append_plane(&mut data, 'U', u, u_stride, width / 2, height / 2)?;
        append_plane(&mut data, 'V', v, v_stride, width / 2, height / 2)?;
        Ok(Self { width, height, data })
    }

    /// Takes a buffer that already has the layout of [`I420::bytes`].
    ///
    /// # Errors
    /// [`FrameError::Size`] for impossible sides, [`FrameError::PlaneTooShort`] when the buffer has another length.
    pub fn from_bytes(width: usize, height: usize, data: Vec<u8>) -> Result<Self, FrameError> {
        check_size(width, height)?;
        if data.len() != width * height * 3 / 2 {
            return Err(FrameError::PlaneTooShort { plane: 'Y' });
        }
        Ok(Self { width, height, data })
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    pub fn y(&self) -> &[u8] {
        &self.data[..self.luma_len()]
    }

    pub fn u(&self) -> &[u8] {
        &self.data[self.luma_len()..self.luma_len() * 5 / 4]
    }

    pub fn v(&self) -> &[u8] {
        &self.data[self.luma_len() * 5 / 4..]
    }

    pub fn y_mut(&mut self) -> &mut [u8] {
        self.planes_mut().0
    }

    pub fn u_mut(&mut self) -> &mut [u8] {
        self.planes_mut().1
    }

    pub fn v_mut(&mut self) -> &mut [u8] {
        self.planes_mut().2
    }

    /// All three planes (Y, U, V) at once, to be written.
    pub fn planes_mut(&mut self) -> (&mut [u8], &mut [u8], &mut [u8]) {
        let luma = self.luma_len();
        let (y, chroma) = self.data.split_at_mut(luma);
        let (u, v) = chroma.split_at_mut(luma / 4);
        (y, u, v)
    }

    /// The whole picture: Y, then U, then V, `width * height * 3 / 2` bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Makes a picture of another size, stretched to fit. Odd sides are rounded down, sides below 2 up.
    pub fn scaled(&self, width: usize, height: usize) -> I420 {
        let (width, height) = even_size(width, height);
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let mut scaled = I420::new(width, height);
        let (y, u, v) = scaled.planes_mut();
        scale_plane(self.y(), self.width, self.height, y, width, height);
        scale_plane(self.u(), self.width / 2, self.height / 2, u, width / 2, height / 2);
        scale_plane(self.v(), self.width / 2, self.height / 2, v, width / 2, height / 2);
        scaled
    }

    /// Converts to RGBA, 4 bytes a pixel, rows tight, alpha 255.
    pub fn to_rgba(&self) -> Vec<u8> {
        let mut rgba = vec![0; self.width * self.height * 4];
        yuv::yuv420_to_rgba(
            &self.as_yuv(),
            &mut rgba,
            self.width as u32 * 4,
            YuvRange::Limited,
            YuvStandardMatrix::Bt601,
        )
        .expect("planes of a picture always have the right length");
        rgba
    }

    /// Writes the picture as a PNG file.
    ///
    /// # Errors
    /// [`FrameError::Write`] when the file cannot be written.
    pub fn write_png(&self, path: impl AsRef<Path>) -> Result<(), FrameError> {
        let write = || -> Result<(), png::EncodingError> {
            let file = BufWriter::new(File::create(path)?);
            let mut encoder = png::Encoder::new(file, self.width as u32, self.height as u32);
            encoder.set_color(png::ColorType::Rgba);
            encoder.set_depth(png::BitDepth::Eight);
            encoder.write_header()?.write_image_data(&self.to_rgba())
        };
        write().map_err(|error| FrameError::Write(error.to_string()))
    }

    fn as_yuv(&self) -> YuvPlanarImage<'_, u8> {
        YuvPlanarImage {
            y_plane: self.y(),
            y_stride: self.width as u32,
            u_plane: self.u(),
            u_stride: self.width as u32 / 2,
            v_plane: self.v(),
            v_stride: self.width as u32 / 2,
            width: self.width as u32,
            height: self.height as u32,
        }
    }

    fn luma_len(&self) -> usize {
        self.width * self.height
    }
}

impl std::fmt::Debug for I420 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "I420({}x{})", self.width, self.height)
    }
}

/// The nearest size that a picture can have: even sides, 2..=[`MAX_DIMENSION`].
pub(crate) fn even_size(width: usize, height: usize) -> (usize, usize) {
    let even = |side: usize| side.clamp(2, MAX_DIMENSION) & !1;
    (even(width), even(height))
}

fn check_size(width: usize, height: usize) -> Result<(), FrameError> {
    let possible = |side: usize| (2..=MAX_DIMENSION).contains(&side) && side.is_multiple_of(2);
    if possible(width) && possible(height) { Ok(()) } else { Err(FrameError::Size { width, height }) }
}

fn append_plane(
    data: &mut Vec<u8>,
    plane: char,
    source: &[u8],
    stride: usize,
    width: usize,
    height: usize,
) -> Result<(), FrameError> {
    let needed = stride.checked_mul(height - 1).and_then(|bytes| bytes.checked_add(width));
    if stride < width || needed.is_none_or(|needed| source.len() < needed) {
        return Err(FrameError::PlaneTooShort { plane });
    }
    if stride == width {
        data.extend_from_slice(&source[..width * height]);
    } else {
        source.chunks(stride).take(height).for_each(|row| data.extend_from_slice(&row[..width]));
    }
    Ok(())
}

fn scale_plane(
    source: &[u8],
    source_width: usize,
    source_height: usize,
    target: &mut [u8],
    width: usize,
    height: usize,
) {
    thread_local! { static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new()); }
    // The typed calls: the untyped ones are compiled for every kind of pixel, which takes minutes.
    let source = TypedImageRef::<U8>::from_buffer(source_width as u32, source_height as u32, source)
        .expect("a plane has width times height bytes");
    let mut target = TypedImage::<U8>::from_buffer(width as u32, height as u32, target)
        .expect("a plane has width times height bytes");
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    RESIZER
        .with_borrow_mut(|resizer| resizer.resize_typed(&source, &mut target, &options))
        .expect("both planes have pixels");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn new_picture_is_black() {
        let picture = I420::new(4, 2);
        assert_eq!(picture.bytes(), [16, 16, 16, 16, 16, 16, 16, 16, 128, 128, 128, 128]);
        assert_eq!(&picture.to_rgba()[..4], [0, 0, 0, 255]);
    }

    #[test]
    fn planes_are_copied_without_their_padding() {
        let y = [1, 2, 9, 9, 3, 4, 9, 9];
        let picture = I420::from_planes(2, 2, &y, 4, &[5, 9], 2, &[6], 1).unwrap();
        assert_eq!(picture.bytes(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn last_row_may_lack_its_padding() {
        assert!(I420::from_planes(2, 2, &[1, 2, 9, 3, 4], 3, &[5], 1, &[6], 1).is_ok());
        assert!(I420::from_planes(2, 2, &[1, 2, 9, 3], 3, &[5], 1, &[6], 1).is_err());
    }

    #[test]
    fn impossible_sizes_are_errors() {
        for (width, height) in [(0, 2), (3, 2), (2, 5), (MAX_DIMENSION + 2, 2)] {
            assert!(matches!(I420::from_planes(width, height, &[], 0, &[], 0, &[], 0), Err(FrameError::Size { .. })));
        }
        assert!(matches!(
            I420::from_planes(2, 2, &[0; 4], usize::MAX, &[0], 1, &[0], 1),
            Err(FrameError::PlaneTooShort { plane: 'Y' })
        ));
    }

    #[test]
    fn scaling_keeps_flat_colours_and_halves() {
        let mut picture = I420::new(64, 32);
        picture.y_mut().fill(90);
        picture.u_mut().fill(40);
        picture.v_mut().fill(200);
        let half = picture.scaled(33, 17);
        assert_eq!((half.width(), half.height()), (32, 16));
        assert!(
            half.y().iter().all(|&v| v == 90)
                && half.u().iter().all(|&v| v == 40)
                && half.v().iter().all(|&v| v == 200)
        );
    }

    #[test]
    fn red_becomes_red() {
        let mut picture = I420::new(2, 2);
        picture.y_mut().fill(81);
        picture.u_mut().fill(90);
        picture.v_mut().fill(240);
        let rgba = picture.to_rgba();
        assert!(rgba[0] > 245 && rgba[1] < 10 && rgba[2] < 10, "{:?}", &rgba[..4]);
    }

    #[test]
    fn png_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        I420::new(6, 4).write_png(&path).unwrap();
        let mut reader = png::Decoder::new(std::io::BufReader::new(File::open(&path).unwrap())).read_info().unwrap();
        let mut pixels = vec![1; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (6, 4));
        assert_eq!(&pixels[..8], [0, 0, 0, 255, 0, 0, 0, 255]);
        assert!(I420::new(2, 2).write_png(folder.path().join("no/such/folder.png")).is_err());
    }

    proptest! {
        #[test]
        fn any_scale_gives_the_nearest_even_size(w in 1usize..80, h in 1usize..80, to_w in 0usize..200, to_h in 0usize..200) {
            let (w, h) = even_size(w, h);
            let scaled = I420::new(w, h).scaled(to_w, to_h);
            prop_assert_eq!((scaled.width(), scaled.height()), even_size(to_w, to_h));
            prop_assert!(scaled.y().iter().all(|&v| v == 16));
        }

        #[test]
        fn from_planes_never_panics(w in 0usize..20, h in 0usize..20, y in proptest::collection::vec(any::<u8>(), 0..300), stride in 0usize..40) {
            let _ = I420::from_planes(w, h, &y, stride, &y, stride, &y, stride);
        }
    }
}
