//! Pictures for tests to send.

use anyhow::Result;

/// A PNG of one colour.
///
/// # Errors
/// The size is none.
pub fn plain_png(width: u32, height: u32) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(&[40, 120, 160].repeat((width * height) as usize))?;
    Ok(bytes)
}
