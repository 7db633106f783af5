use std::io::Cursor;
use std::time::Instant;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;

const PLACE: &[u8] = b"48.2082N 16.3738E";

/// Red above, blue below.
fn picture(width: u32, height: u32) -> DynamicImage {
    let colour = |_, y| if y < height / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) };
    RgbImage::from_fn(width, height, colour).into()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// TIFF with an orientation and a description of where it was taken.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
    tiff.extend([0x0e, 0x01, 2, 0, PLACE.len() as u8, 0, 0, 0, 38, 0, 0, 0]);
    tiff.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    tiff.extend([0, 0, 0, 0]);
    assert_eq!(tiff.len(), 38);
    tiff.extend(PLACE);
    tiff
}

/// A segment after the start of a JPEG.
fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let mut out = jpeg[..2].to_vec();
    out.extend([0xff, marker]);
    out.extend((body.len() as u16 + 2).to_be_bytes());
    out.extend(body);
    out.extend(&jpeg[2..]);
    out
}

fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    with_segment(jpeg, 0xe1, &[b"Exif\0\0".to_vec(), exif(orientation)].concat())
}

fn png_chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut crc = 0xffff_ffff_u32;
    for byte in kind.iter().chain(body) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    [&(body.len() as u32).to_be_bytes()[..], kind, body, &(!crc).to_be_bytes()].concat()
}

/// Chunks after the header of a PNG.
fn with_chunks(png: &[u8], chunks: &[u8]) -> Vec<u8> {
    [&png[..33], chunks, &png[33..]].concat()
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn attachment(bytes: &[u8]) -> Picture {
    read(bytes).expect("it is read").into_attachment().expect("it decodes")
}

fn pixel(bytes: &[u8], x: u32, y: u32) -> [u8; 3] {
    image::load_from_memory(bytes).unwrap().to_rgb8().get_pixel(x, y).0
}

fn is_red([red, _, blue]: [u8; 3]) -> bool {
    red > 150 && blue < 100
}

#[test]
fn a_plain_jpeg_is_kept_byte_for_byte_but_for_its_metadata() {
    let plain = encoded(&picture(64, 48), ImageFormat::Jpeg);
    let told = with_segment(&with_exif(&plain, 1), 0xfe, b"a comment: 48.2082N 16.3738E");
    assert!(contains(&told, PLACE));
    let kept = attachment(&told);
    assert!(!contains(&kept.encoded.bytes, PLACE) && !contains(&kept.encoded.bytes, b"Exif"));
    assert_eq!(kept.encoded.bytes, attachment(&plain).encoded.bytes);
    assert_eq!(pixel(&kept.encoded.bytes, 5, 5), pixel(&plain, 5, 5), "not encoded anew");
    assert_eq!((kept.width_px, kept.height_px, kept.thumbnail), (64, 48, None));
    assert!(!kept.placeholder.is_empty());
}

#[test]
fn pictures_stand_upright() {
    let lying = with_exif(&encoded(&picture(64, 48), ImageFormat::Jpeg), 6);
    let kept = attachment(&lying);
    assert_eq!((kept.width_px, kept.height_px), (48, 64));
    assert!(!contains(&kept.encoded.bytes, PLACE));
    // Orientation 6: what is above lies on the right.
    assert!(is_red(pixel(&kept.encoded.bytes, 40, 30)) && !is_red(pixel(&kept.encoded.bytes, 8, 30)));
    let png = with_chunks(&encoded(&picture(64, 48), ImageFormat::Png), &png_chunk(b"eXIf", &exif(3)));
    let kept = attachment(&png);
    assert!(!is_red(pixel(&kept.encoded.bytes, 30, 5)) && is_red(pixel(&kept.encoded.bytes, 30, 40)));
}

#[test]
fn a_png_loses_its_texts_and_its_animation() {
    let plain = encoded(&picture(64, 48), ImageFormat::Png);
    let chunks = [
        png_chunk(b"tEXt", &[b"Comment\0", PLACE].concat()),
        png_chunk(b"eXIf", &exif(1)),
        png_chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]),
        png_chunk(b"evIl", b"<script>alert(1)</script>"),
    ];
    let kept = attachment(&with_chunks(&plain, &chunks.concat()));
    assert_eq!(kept.encoded, Encoded { format: Format::Png, bytes: plain });
    assert_eq!(kept.thumbnail.map(|small| small.format), Some(Format::Jpeg), "a thumbnail is no PNG");
}

#[test]
fn a_webp_loses_its_chunks_and_keeps_what_shines_through() {
    let clear =
        RgbaImage::from_fn(900, 600, |x, _| if x < 300 { Rgba([0, 0, 0, 0]) } else { Rgba([20, 200, 20, 255]) });
    let plain = encoded(&clear.clone().into(), ImageFormat::WebP);
    let tiff = exif(1);
    let mut told = plain.clone();
    told.extend(b"EXIF");
    told.extend((tiff.len() as u32).to_le_bytes());
    told.extend(&tiff);
    told.extend(vec![0; tiff.len() % 2]);
    let size = told.len() as u32 - 8;
    told[4..8].copy_from_slice(&size.to_le_bytes());
    assert!(contains(&told, PLACE));
    let kept = attachment(&told);
    assert_eq!(kept.encoded.bytes, plain);
    let small = kept.thumbnail.expect("it is larger than a thumbnail");
    assert_eq!(small.format, Format::WebP);
    let small = image::load_from_memory(&small.bytes).unwrap().to_rgba8();
    assert_eq!((small.dimensions(), small.get_pixel(5, 5).0[3], small.get_pixel(790, 5).0[3]), ((800, 533), 0, 255));
}

#[test]
fn of_an_animated_webp_the_first_picture_stays() {
    let frame = encoded(&picture(64, 48), ImageFormat::WebP);
    let anmf = [&[0; 6][..], &[63, 0, 0, 47, 0, 0, 100, 0, 0, 0], &frame[12..]].concat();
    let mut body = b"WEBP".to_vec();
    for (kind, content) in [
        (b"VP8X", &[2, 0, 0, 0, 63, 0, 0, 47, 0, 0][..]),
        (b"ANIM", &[0, 0, 0, 0, 0, 0]),
        (b"ANMF", &anmf),
        (b"ANMF", &anmf),
    ] {
        body.extend(kind);
        body.extend((content.len() as u32).to_le_bytes());
        body.extend(content);
    }
    let animated = [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat();
    assert_eq!(attachment(&animated).encoded.bytes, frame);
}

#[test]
fn what_follows_a_picture_is_cut() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let plain = encoded(&picture(64, 48), format);
        let html = [&plain[..], b"<html><script>alert(1)</script></html>", b"PK\x03\x04"].concat();
        assert_eq!(attachment(&html).encoded.bytes, attachment(&plain).encoded.bytes, "{format:?}");
        assert!(!contains(&attachment(&html).encoded.bytes, b"<script>"));
    }
}

#[test]
fn a_large_picture_has_a_small_one_that_fits() {
    let kept = attachment(&encoded(&picture(1_600, 400), ImageFormat::Jpeg));
    let small = image::load_from_memory(&kept.thumbnail.unwrap().bytes).unwrap();
    assert_eq!((small.width(), small.height()), (800, 200));
    let thin = attachment(&encoded(&picture(3_000, 1), ImageFormat::Png));
    let small = image::load_from_memory(&thin.thumbnail.unwrap().bytes).unwrap();
    assert_eq!((small.width(), small.height()), (800, 1));
}

#[test]
fn an_avatar_is_the_middle_as_a_square() {
    let wide =
        RgbImage::from_fn(
            900,
            300,
            |x, _| if (300..600).contains(&x) { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) },
        );
    for (orientation, small) in [(1, wide.clone()), (6, wide)] {
        let told = with_exif(&encoded(&small.into(), ImageFormat::Jpeg), orientation);
        let avatar = read(&told).unwrap().into_avatar().unwrap();
        let square = image::load_from_memory(&avatar.encoded.bytes).unwrap();
        assert_eq!((square.width(), square.height()), (AVATAR_PX, AVATAR_PX));
        for (x, y) in [(4, 4), (250, 4), (4, 250), (250, 250)] {
            assert!(is_red(pixel(&avatar.encoded.bytes, x, y)));
        }
    }
    let tiny = read(&encoded(&picture(3, 3), ImageFormat::Png)).unwrap().into_avatar().unwrap();
    assert_eq!(image::load_from_memory(&tiny.encoded.bytes).unwrap().width(), AVATAR_PX);
}

#[test]
fn a_bomb_is_refused_before_it_is_decoded() {
    let mut header = 65_500_u32.to_be_bytes().to_vec();
    header.extend(65_500_u32.to_be_bytes());
    header.extend([8, 6, 0, 0, 0]);
    let bomb =
        [png::SIGNATURE, &png_chunk(b"IHDR", &header), &png_chunk(b"IDAT", &[0; 4_000]), &png_chunk(b"IEND", b"")];
    let started = Instant::now();
    assert_eq!(read(&bomb.concat()), Err(Unreadable::TooLarge));
    assert!(started.elapsed().as_millis() < 100);
    let mut jpeg = encoded(&picture(8, 8), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    assert_eq!(read(&jpeg), Err(Unreadable::TooLarge));
    let large = [encoded(&picture(8, 8), ImageFormat::Jpeg), vec![0; IMAGE_BYTES as usize]].concat();
    assert_eq!(read(&large), Err(Unreadable::TooLarge));
}

#[test]
fn what_only_looks_like_a_picture_is_none() {
    for bytes in [
        &b""[..],
        b"\xff\xd8\xff",
        b"PK\x03\x04",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"RIFF\0\0\0\0WEBP",
        b"GIF89a",
    ] {
        assert_eq!(read(bytes), Err(Unreadable::NoImage), "{bytes:?}");
    }
    assert_eq!(read(&[png::SIGNATURE, b"junk that is no chunk"].concat()), Err(Unreadable::NoImage));
}

#[test]
fn a_picture_that_is_cut_anywhere_is_none_and_never_a_panic() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let whole = encoded(&picture(40, 30), format);
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), Err(Unreadable::NoImage), "{format:?} cut at {length}");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    #[test]
    fn no_damage_is_a_panic(kind in 0..3usize, flips in proptest::collection::vec((0..2_000usize, 0..=255u8), 1..12)) {
        let format = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP][kind];
        let mut bytes = encoded(&picture(24, 20), format);
        let length = bytes.len();
        for (place, value) in flips {
            bytes[place % length] = value;
        }
        if let Ok(readable) = read(&bytes)
            && readable.pixels() < 200_000
        {
            let _ = readable.clone().into_avatar();
            let _ = readable.into_attachment();
        }
    }
}
