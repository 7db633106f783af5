use super::*;
use turbojpeg::{Compressor, Image};

/// Left half one colour, right half another, as (Y, U, V).
const LEFT: (u8, u8, u8) = (80, 100, 180);
const RIGHT: (u8, u8, u8) = (180, 150, 90);

fn colour(column: usize, width: usize) -> (u8, u8, u8) {
    if column < width / 2 { LEFT } else { RIGHT }
}

fn assert_halves(picture: &I420, tolerance: u8) {
    let (width, height) = (picture.width(), picture.height());
    for row in (0..height).step_by(3) {
        // Two pixels beside the edge may be blurred by subsampling.
        for column in (0..width).filter(|column| column.abs_diff(width / 2) > 2) {
            let wanted = colour(column, width);
            let chroma = row / 2 * (width / 2) + column / 2;
            let got = (picture.y()[row * width + column], picture.u()[chroma], picture.v()[chroma]);
            let off = got.0.abs_diff(wanted.0).max(got.1.abs_diff(wanted.1)).max(got.2.abs_diff(wanted.2));
            assert!(off <= tolerance, "({column}, {row}): {got:?}, not {wanted:?}");
        }
    }
}

fn yuyv(width: usize, height: usize) -> Vec<u8> {
    let row = (0..width / 2).flat_map(|pair| {
        let (y, u, v) = colour(pair * 2, width);
        [y, u, y, v]
    });
    row.collect::<Vec<_>>().repeat(height)
}

fn nv12(width: usize, height: usize) -> Vec<u8> {
    let luma: Vec<u8> = (0..width).map(|column| colour(column, width).0).collect();
    let chroma = (0..width / 2).flat_map(|pair| [colour(pair * 2, width).1, colour(pair * 2, width).2]);
    [luma.repeat(height), chroma.collect::<Vec<_>>().repeat(height / 2)].concat()
}

fn jpeg(width: usize, height: usize, subsamp: Subsamp) -> Vec<u8> {
    let mut source = I420::new(width & !1, height & !1);
    let even_width = source.width();
    for (at, value) in source.y_mut().iter_mut().enumerate() {
        *value = colour(at % even_width, even_width).0;
    }
    for (at, value) in source.u_mut().iter_mut().enumerate() {
        *value = colour(at % (even_width / 2) * 2, even_width).1;
    }
    for (at, value) in source.v_mut().iter_mut().enumerate() {
        *value = colour(at % (even_width / 2) * 2, even_width).2;
    }
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(95).unwrap();
    compressor.set_subsamp(subsamp).unwrap();
    let pixels = source.to_rgba();
    let image = Image {
        pixels: pixels.as_slice(),
        width: even_width,
        pitch: even_width * 4,
        height: source.height(),
        format: turbojpeg::PixelFormat::RGBA,
    };
    compressor.compress_to_vec(image).unwrap()
}

#[test]
fn raw_formats_keep_their_colours() {
    let read = |format, buffer: &[u8]| PixelReader::new(format, 64, 36, 0).unwrap().read(buffer).unwrap();
    assert_halves(&read(PixelFormat::Yuyv, &yuyv(64, 36)), 0);
    assert_halves(&read(PixelFormat::Nv12, &nv12(64, 36)), 0);
    let rgba =
        I420::from_planes(64, 36, &nv12(64, 36), 64, &[LEFT.1; 32 * 18], 32, &[LEFT.2; 32 * 18], 32).unwrap().to_rgba();
    let rgb: Vec<u8> = rgba.chunks(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let bgr: Vec<u8> = rgba.chunks(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
    let (from_rgb, from_bgr) = (read(PixelFormat::Rgb, &rgb), read(PixelFormat::Bgr, &bgr));
    assert_eq!(from_rgb, from_bgr);
    assert!(from_rgb.y()[0].abs_diff(LEFT.0) <= 2 && from_rgb.u()[0].abs_diff(LEFT.1) <= 2);
}

#[test]
fn every_jpeg_subsampling_keeps_its_colours() {
    for subsamp in [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub1x2, Subsamp::Sub2x2, Subsamp::Sub4x1] {
        let mut reader = PixelReader::new(PixelFormat::Jpeg, 128, 72, 0).unwrap();
        let picture = reader.read(&jpeg(128, 72, subsamp)).unwrap();
        assert_eq!((picture.width(), picture.height()), (128, 72));
        assert_halves_away_from_edge(&picture);
    }
    let grey = PixelReader::new(PixelFormat::Jpeg, 128, 72, 0).unwrap().read(&jpeg(128, 72, Subsamp::Gray)).unwrap();
    assert!(grey.u().iter().chain(grey.v()).all(|&value| value == 128));
}

/// JPEG rings around the edge: look at the outer quarters.
fn assert_halves_away_from_edge(picture: &I420) {
    let width = picture.width();
    let quarter = |from: usize| {
        I420::from_planes(
            16,
            72,
            &picture.y()[from..],
            width,
            &picture.u()[from / 2..],
            width / 2,
            &picture.v()[from / 2..],
            width / 2,
        )
        .unwrap()
    };
    for (part, wanted) in [(quarter(8), LEFT), (quarter(width - 24), RIGHT)] {
        assert!(part.y().iter().all(|y| y.abs_diff(wanted.0) <= 4), "{wanted:?}");
        assert!(part.u().iter().all(|u| u.abs_diff(wanted.1) <= 4), "{wanted:?}");
        assert!(part.v().iter().all(|v| v.abs_diff(wanted.2) <= 4), "{wanted:?}");
    }
}

#[test]
fn remains_behind_a_jpeg_are_cut_off() {
    let mut buffer = jpeg(128, 72, Subsamp::Sub2x1);
    let length = buffer.len();
    buffer.extend_from_slice(&jpeg(64, 36, Subsamp::Sub2x2));
    buffer.resize(128 * 72 * 2, 0);
    assert_eq!(without_tail(&buffer).map(<[u8]>::len), Some(length));
    assert!(PixelReader::new(PixelFormat::Jpeg, 128, 72, 0).unwrap().read(&buffer).is_ok());
}

#[test]
fn short_and_damaged_buffers_are_errors() {
    for format in [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Rgb, PixelFormat::Bgr, PixelFormat::Jpeg] {
        let mut reader = PixelReader::new(format, 64, 36, 0).unwrap();
        assert!(reader.read(&[]).is_err(), "{format:?}");
        assert!(reader.read(&[0xff; 64 * 36]).is_err(), "{format:?}");
    }
    let whole = jpeg(64, 36, Subsamp::Sub2x2);
    let mut reader = PixelReader::new(PixelFormat::Jpeg, 64, 36, 0).unwrap();
    for cut in 0..whole.len() - 1 {
        assert!(reader.read(&whole[..cut]).is_err(), "cut at {cut}");
    }
    assert!(PixelReader::new(PixelFormat::Yuyv, 0, 36, 0).is_err());
}

#[test]
fn odd_sizes_lose_their_last_column_and_row() {
    let picture = PixelReader::new(PixelFormat::Nv12, 5, 3, 0).unwrap().read(&[77; 5 * 3 + 6]).unwrap();
    assert_eq!((picture.width(), picture.height()), (4, 2));
    assert!(picture.bytes().iter().all(|&value| value == 77));
}

/// Rows as a driver leaves them that likes its rows to begin at round addresses.
fn with_gaps(rows: &[u8], row: usize, stride: usize) -> Vec<u8> {
    rows.chunks_exact(row)
        .flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(9, stride - row.len())))
        .collect()
}

#[test]
fn gaps_between_rows_are_left_out() {
    let read = |format, buffer: &[u8]| PixelReader::new(format, 64, 36, 256).unwrap().read(buffer).unwrap();
    assert_halves(&read(PixelFormat::Yuyv, &with_gaps(&yuyv(64, 36), 128, 256)), 0);
    assert_halves(&read(PixelFormat::Nv12, &with_gaps(&nv12(64, 36), 64, 256)), 0);
    assert!(PixelReader::new(PixelFormat::Yuyv, 64, 36, usize::MAX).is_err());
}
