//! What files other than pictures are, by their first bytes.

/// Bytes that tell a kind.
pub(super) const HEAD_BYTES: usize = 16;

/// What is not known is bytes.
pub(super) const BYTES: &str = "application/octet-stream";

/// A type that no program runs by itself, or [`BYTES`]: text, HTML, SVG and programs are bytes.
pub(super) fn media_type(head: &[u8]) -> &'static str {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    for (offset, magic, media_type) in KINDS {
        if at(*offset, magic) {
            return media_type;
        }
    }
    if at(0, b"RIFF") && at(8, b"WAVE") { "audio/wav" } else { BYTES }
}

const KINDS: &[(usize, &[u8], &str)] = &[
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypM4A ", "audio/mp4"),
    (4, b"ftypqt  ", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_content_and_what_could_run_is_bytes() {
        assert_eq!(media_type(b"%PDF-1.7\n"), "application/pdf");
        assert_eq!(media_type(b"PK\x03\x04...."), "application/zip");
        assert_eq!(media_type(b"\0\0\0\x18ftypisom"), "video/mp4");
        assert_eq!(media_type(b"RIFF\0\0\0\0WAVEfmt "), "audio/wav");
        for bytes in [&b"<svg onload=alert(1)>"[..], b"<!doctype html>", b"MZ\x90", b"\x7fELF", b"#!/bin/sh", b"", b"P"]
        {
            assert_eq!(media_type(bytes), BYTES);
        }
    }
}
