//! Turns what cameras deliver (YUYV, NV12, MJPEG, RGB) into I420. Never trusts the length of a buffer.

use turbojpeg::{Decompressor, Subsamp, YuvImage};
use yuv::{BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

use crate::{
    device::DeviceError,
    frame::{I420, even_size},
};

/// Formats that can be read, in the order of what they cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PixelFormat {
    Nv12,
    Yuyv,
    Jpeg,
    Rgb,
    Bgr,
}

impl PixelFormat {
    /// Of the first plane; none for what is compressed.
    fn bytes_per_pixel(self) -> Option<usize> {
        match self {
            Self::Nv12 => Some(1),
            Self::Yuyv => Some(2),
            Self::Rgb | Self::Bgr => Some(3),
            Self::Jpeg => None,
        }
    }
}

/// Why one picture of a camera cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Damaged(String);

/// Reads pictures of one format and size.
pub(super) struct PixelReader {
    format: PixelFormat,
    /// As the camera counts; may be odd.
    width: usize,
    height: usize,
    /// Bytes from one row to the next; nothing for what is compressed.
    stride: usize,
    jpeg: Option<Decompressor>,
}

impl PixelReader {
    /// `stride` is how many bytes lie between the beginnings of two rows; less than a row means that none are wasted.
    ///
    /// # Errors
    /// [`DeviceError::Unsupported`] for sizes that nobody can mean.
    pub(super) fn new(format: PixelFormat, width: usize, height: usize, stride: usize) -> Result<Self, DeviceError> {
        let unsupported = |why: String| DeviceError::Unsupported(why);
        if width < 2 || height < 2 || width > crate::frame::MAX_DIMENSION || height > crate::frame::MAX_DIMENSION {
            return Err(unsupported(format!("pictures of {width}x{height}")));
        }
        let row = format.bytes_per_pixel().map_or(0, |bytes| bytes * width);
        if stride > row.max(crate::frame::MAX_DIMENSION) * 4 {
            return Err(unsupported(format!("rows of {stride} bytes")));
        }
        let jpeg = match format {
            PixelFormat::Jpeg => Some(Decompressor::new().map_err(|error| unsupported(error.to_string()))?),
            PixelFormat::Nv12 | PixelFormat::Yuyv | PixelFormat::Rgb | PixelFormat::Bgr => None,
        };
        Ok(Self { format, width, height, stride: stride.max(row), jpeg })
    }

    /// Width and height of the pictures that come out: even.
    pub(super) fn size(&self) -> (usize, usize) {
        even_size(self.width, self.height)
    }

    pub(super) fn read(&mut self, buffer: &[u8]) -> Result<I420, Damaged> {
        match (self.format, &mut self.jpeg) {
            (PixelFormat::Jpeg, Some(jpeg)) => read_jpeg(jpeg, buffer),
            (PixelFormat::Jpeg, None) => Err(Damaged("a format that was not prepared".to_owned())),
            (PixelFormat::Yuyv, _) => self.read_packed(buffer, |image, data, stride| {
                let (width, height) = (image.width, image.height);
                yuv::yuyv422_to_yuv420(image, &YuvPackedImage { yuy: data, yuy_stride: stride, width, height })
            }),
            (PixelFormat::Rgb, _) => self.read_packed(buffer, |image, data, stride| {
                yuv::rgb_to_yuv420(
                    image,
                    data,
                    stride,
                    YuvRange::Limited,
                    YuvStandardMatrix::Bt601,
                    YuvConversionMode::Balanced,
                )
            }),
            (PixelFormat::Bgr, _) => self.read_packed(buffer, |image, data, stride| {
                yuv::bgr_to_yuv420(
                    image,
                    data,
                    stride,
                    YuvRange::Limited,
                    YuvStandardMatrix::Bt601,
                    YuvConversionMode::Balanced,
                )
            }),
            (PixelFormat::Nv12, _) => self.read_nv12(buffer),
        }
    }

    fn read_packed(
        &self,
        buffer: &[u8],
        convert: impl FnOnce(&mut YuvPlanarImageMut<'_, u8>, &[u8], u32) -> Result<(), yuv::YuvError>,
    ) -> Result<I420, Damaged> {
        let (width, height) = self.size();
        let stride = self.stride;
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
        let luma = self.stride * self.height;
        let chroma_stride = self.stride.next_multiple_of(2);
        let chroma = buffer.get(luma..luma + chroma_stride * (height / 2)).ok_or_else(|| too_short(buffer))?;
        let mut picture = I420::new(width, height);
        let (y, u, v) = picture.planes_mut();
        for (target, source) in y.chunks_exact_mut(width).zip(buffer.chunks_exact(self.stride)) {
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
