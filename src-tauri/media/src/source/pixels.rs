//! Turns what cameras deliver (YUYV, NV12, MJPEG, RGB) into I420. Never trusts the length of a buffer.

use nokhwa::utils::FrameFormat;
use turbojpeg::{Decompressor, Subsamp, YuvImage};
use yuv::{BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

use crate::{
    device::DeviceError,
    frame::{I420, even_size},
};

/// Why one picture of a camera cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Damaged(String);

/// Reads pictures of one format and size.
pub(super) struct PixelReader {
    format: FrameFormat,
    /// As the camera counts; may be odd.
    width: usize,
    height: usize,
    jpeg: Option<Decompressor>,
}

impl PixelReader {
    pub(super) fn new(format: FrameFormat, width: usize, height: usize) -> Result<Self, DeviceError> {
        let unsupported = |why: String| DeviceError::Unsupported(why);
        let jpeg = match format {
            FrameFormat::MJPEG => Some(Decompressor::new().map_err(|error| unsupported(error.to_string()))?),
            FrameFormat::YUYV | FrameFormat::NV12 | FrameFormat::RAWRGB | FrameFormat::RAWBGR => None,
            FrameFormat::GRAY => return Err(unsupported("it only delivers grey pictures".to_owned())),
        };
        if width < 2 || height < 2 || width > crate::frame::MAX_DIMENSION || height > crate::frame::MAX_DIMENSION {
            return Err(unsupported(format!("pictures of {width}x{height}")));
        }
        Ok(Self { format, width, height, jpeg })
    }

    /// Width and height of the pictures that come out: even.
    pub(super) fn size(&self) -> (usize, usize) {
        even_size(self.width, self.height)
    }

    pub(super) fn read(&mut self, buffer: &[u8]) -> Result<I420, Damaged> {
        match (self.format, &mut self.jpeg) {
            (FrameFormat::MJPEG, Some(jpeg)) => read_jpeg(jpeg, buffer),
            (FrameFormat::YUYV, _) => self.read_packed(buffer, 2, |image, data, stride| {
                let (width, height) = (image.width, image.height);
                yuv::yuyv422_to_yuv420(image, &YuvPackedImage { yuy: data, yuy_stride: stride, width, height })
            }),
            (FrameFormat::RAWRGB, _) => self.read_packed(buffer, 3, |image, data, stride| {
                yuv::rgb_to_yuv420(
                    image,
                    data,
                    stride,
                    YuvRange::Limited,
                    YuvStandardMatrix::Bt601,
                    YuvConversionMode::Balanced,
                )
            }),
            (FrameFormat::RAWBGR, _) => self.read_packed(buffer, 3, |image, data, stride| {
                yuv::bgr_to_yuv420(
                    image,
                    data,
                    stride,
                    YuvRange::Limited,
                    YuvStandardMatrix::Bt601,
                    YuvConversionMode::Balanced,
                )
            }),
            (FrameFormat::NV12, _) => self.read_nv12(buffer),
            (FrameFormat::MJPEG | FrameFormat::GRAY, _) => Err(Damaged("a format that was not prepared".to_owned())),
        }
    }

    fn read_packed(
        &self,
        buffer: &[u8],
        bytes_per_pixel: usize,
        convert: impl FnOnce(&mut YuvPlanarImageMut<'_, u8>, &[u8], u32) -> Result<(), yuv::YuvError>,
    ) -> Result<I420, Damaged> {
        let (width, height) = self.size();
        let stride = self.width * bytes_per_pixel;
        let data = buffer.get(..stride * height).ok_or_else(|| too_short(buffer))?;
        let mut picture = I420::new(width, height);
        let (y, u, v) = picture.planes_mut();
        let mut image = YuvPlanarImageMut {
            y_plane: BufferStoreMut::Borrowed(y),
            y_stride: width as u32,
            u_plane: BufferStoreMut::Borrowed(u),
            u_stride: width as u32 / 2,
            v_plane: BufferStoreMut::Borrowed(v),
            v_stride: width as u32 / 2,
            width: width as u32,
            height: height as u32,
        };
        convert(&mut image, data, stride as u32).map_err(|error| Damaged(error.to_string()))?;
        Ok(picture)
    }

    fn read_nv12(&self, buffer: &[u8]) -> Result<I420, Damaged> {
        let (width, height) = self.size();
        let luma = self.width * self.height;
        let chroma_stride = self.width.next_multiple_of(2);
        let chroma = buffer.get(luma..luma + chroma_stride * (height / 2)).ok_or_else(|| too_short(buffer))?;
        let mut picture = I420::new(width, height);
        let (y, u, v) = picture.planes_mut();
        for (target, source) in y.chunks_exact_mut(width).zip(buffer.chunks_exact(self.width)) {
            target.copy_from_slice(&source[..width]);
        }
        let targets = u.chunks_exact_mut(width / 2).zip(v.chunks_exact_mut(width / 2));
        for ((u, v), source) in targets.zip(chroma.chunks_exact(chroma_stride)) {
            for ((u, v), pair) in u.iter_mut().zip(v).zip(source.chunks_exact(2)) {
                (*u, *v) = (pair[0], pair[1]);
            }
        }
        Ok(picture)
    }
}

/// Decodes a JPEG of any subsampling. JPEG is full range; cameras and everyone after them expect limited range.
fn read_jpeg(jpeg: &mut Decompressor, buffer: &[u8]) -> Result<I420, Damaged> {
    let damaged = |error: turbojpeg::Error| Damaged(error.to_string());
    let data = without_tail(buffer).ok_or_else(|| Damaged("no whole JPEG".to_owned()))?;
    let header = jpeg.read_header(data).map_err(damaged)?;
    let (width, height, subsamp) = (header.width, header.height, header.subsamp);
    if width.max(height) > crate::frame::MAX_DIMENSION {
        return Err(Damaged(format!("a JPEG of {width}x{height}")));
    }
    let length = turbojpeg::yuv_pixels_len(width, 1, height, subsamp).map_err(damaged)?;
    let mut pixels = vec![0; length];
    jpeg.decompress_to_yuv(data, YuvImage { pixels: pixels.as_mut_slice(), width, align: 1, height, subsamp })
        .map_err(damaged)?;
    from_jpeg_planes(&pixels, width, height, subsamp)
}

/// Cuts what follows the end-of-image marker: some drivers hand out the whole buffer with remains of earlier pictures.
fn without_tail(buffer: &[u8]) -> Option<&[u8]> {
    // Inside the coded data 0xff is always followed by 0x00 or a restart marker, but a thumbnail in the header may hold an
    // end marker of its own: look only behind the last start of scan.
    let scan = buffer.windows(2).position(|pair| pair == [0xff, 0xda])?;
    let end = buffer[scan..].windows(2).position(|pair| pair == [0xff, 0xd9])?;
    Some(&buffer[..scan + end + 2])
}

fn from_jpeg_planes(pixels: &[u8], width: usize, height: usize, subsamp: Subsamp) -> Result<I420, Damaged> {
    let (step_x, step_y) = match subsamp {
        Subsamp::None => (1, 1),
        Subsamp::Sub2x1 => (2, 1),
        Subsamp::Sub1x2 => (1, 2),
        Subsamp::Sub2x2 => (2, 2),
        Subsamp::Sub4x1 => (4, 1),
        Subsamp::Sub1x4 => (1, 4),
        Subsamp::Gray => (0, 0),
        other => return Err(Damaged(format!("a JPEG with subsampling {other:?}"))),
    };
    // Planes are padded to whole chroma samples.
    let padded = |side: usize, step: usize| side.next_multiple_of(step.max(1));
    let (luma_width, luma_height) = (padded(width, step_x), padded(height, step_y));
    let (even_width, even_height) = even_size(width, height);
    if even_width > width || even_height > height {
        return Err(Damaged(format!("a JPEG of {width}x{height}")));
    }
    let mut picture = I420::new(even_width, even_height);
    let (y, u, v) = picture.planes_mut();
    for (target, source) in y.chunks_exact_mut(even_width).zip(pixels.chunks_exact(luma_width)) {
        target.iter_mut().zip(source).for_each(|(target, &source)| *target = limit_luma(source));
    }
    if step_x == 0 {
        return Ok(picture);
    }
    let (chroma_width, chroma_height) = (luma_width / step_x, luma_height / step_y);
    let chroma = &pixels[luma_width * luma_height..];
    for (target, plane) in [u, v].into_iter().zip(chroma.chunks_exact(chroma_width * chroma_height)) {
        for (row, target) in target.chunks_exact_mut(even_width / 2).enumerate() {
            let rows =
                [row * 2 / step_y, (row * 2 + 1) / step_y].map(|row| &plane[row * chroma_width..][..chroma_width]);
            for (column, target) in target.iter_mut().enumerate() {
                let columns = [column * 2 / step_x, (column * 2 + 1) / step_x];
                let sum: u16 = rows.iter().flat_map(|row| columns.map(|column| u16::from(row[column]))).sum();
                *target = limit_chroma(((sum + 2) / 4) as u8);
            }
        }
    }
    Ok(picture)
}

/// 0..=255 to 16..=235.
fn limit_luma(full: u8) -> u8 {
    (16 + (u32::from(full) * 219 + 127) / 255) as u8
}

/// 0..=255 to 16..=240 around 128.
fn limit_chroma(full: u8) -> u8 {
    (128 + (i32::from(full) - 128) * 224 / 255) as u8
}

fn too_short(buffer: &[u8]) -> Damaged {
    Damaged(format!("a buffer of {} bytes is too short", buffer.len()))
}

#[cfg(test)]
mod tests;
