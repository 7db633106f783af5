//! A file sealed at rest, as age (C2SP age-encryption.org/v1, payload) does it: a key of its own for each file, and ChaCha20-Poly1305
//! over chunks whose nonces count and mark the last (STREAM; Hoang, Reyhanitabar, Rogaway, Vizár 2015). A part can be read without
//! the rest, and nothing can be cut off, moved or swapped with another file unseen.
//!
//! ```text
//! "parley-stream-1\n" (16) | salt (32) | chunks of 64 KiB, each with its tag (16); the last one may be shorter
//! ```

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rand::Rng;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use super::whole::private_file;

const MAGIC: &[u8; 16] = b"parley-stream-1\n";
const SALT: usize = 32;
const HEADER: u64 = (MAGIC.len() + SALT) as u64;
/// Bytes of one chunk before it is sealed: what is read at least.
pub const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// The key of an account's files. It is derived from the key of the account's history, so that both are readable or neither.
#[derive(Clone)]
pub struct FileKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKey")
    }
}

impl FileKey {
    /// A key that tells nothing of the history's.
    pub fn derive(history_key: &[u8; 32]) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        let extracted = Salt::new(HKDF_SHA256, b"parley files 1").extract(history_key);
        let expanded = extracted.expand(&[b"key of files"], HKDF_SHA256);
        expanded.and_then(|okm| okm.fill(key.as_mut_slice())).expect("32 bytes are within what HKDF gives");
        Self(key)
    }

    /// The key of one file.
    fn chunks(&self, salt: &[u8; SALT]) -> Chunks {
        let extracted = Salt::new(HKDF_SHA256, salt).extract(self.0.as_slice());
        let expanded = extracted.expand(&[b"chunks of a file"], &CHACHA20_POLY1305);
        let key = expanded.map(UnboundKey::from).expect("32 bytes are within what HKDF gives");
        Chunks(LessSafeKey::new(key))
    }
}

/// Each of the file's chunks has its own place, so that no nonce comes twice.
struct Chunks(LessSafeKey);

impl Chunks {
    fn seal(&self, position: u32, last: bool, name: &[u8], chunk: &mut Vec<u8>) -> io::Result<()> {
        let sealed = self.0.seal_in_place_append_tag(nonce(position, last), Aad::from(name), chunk);
        sealed.map_err(|_| io::ErrorKind::FileTooLarge.into())
    }

    fn open(&self, position: u32, last: bool, name: &[u8], mut sealed: Vec<u8>) -> io::Result<Vec<u8>> {
        let opened = self.0.open_in_place(nonce(position, last), Aad::from(name), &mut sealed);
        let length = opened.map_err(|_| bad())?.len();
        sealed.truncate(length);
        Ok(sealed)
    }
}

fn nonce(position: u32, last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[NONCE_LEN - 5..NONCE_LEN - 1].copy_from_slice(&position.to_be_bytes());
    bytes[NONCE_LEN - 1] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

/// Writes a file beside its place; [`Self::finish`] puts it there whole. Dropped before, it leaves nothing.
pub struct SealedWriter {
    file: Option<File>,
    chunks: Chunks,
    beside: PathBuf,
    path: PathBuf,
    name: Vec<u8>,
    chunk: Vec<u8>,
    position: u32,
    written: u64,
}

impl std::fmt::Debug for SealedWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedWriter").field("written", &self.written).finish_non_exhaustive()
    }
}

impl SealedWriter {
    /// `name` is bound to the content: the file opens under no other.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn create(path: &Path, name: &str, key: &FileKey) -> io::Result<Self> {
        let salt: [u8; SALT] = rand::rng().random();
        let unique: u64 = rand::rng().random();
        let beside = path.with_extension(format!("{unique:016x}.new"));
        let mut file = private_file(&beside)?;
        file.write_all(MAGIC)?;
        file.write_all(&salt)?;
        Ok(Self {
            file: Some(file),
            chunks: key.chunks(&salt),
            beside,
            path: path.to_owned(),
            name: name.as_bytes().to_vec(),
            chunk: Vec::with_capacity(CHUNK + TAG),
            position: 0,
            written: 0,
        })
    }

    /// # Errors
    /// The disk refuses.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // A full chunk is sealed only when more comes: the last one is marked as such.
            if self.chunk.len() == CHUNK {
                self.seal(false)?;
            }
            let (now, rest) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    /// Bytes that were written so far.
    pub fn len(&self) -> u64 {
        self.written + self.chunk.len() as u64
    }

    /// Writes the end and puts the file into its place. Returns the bytes that it takes on the disk. A file that is not
    /// `durable` may be found torn after a power cut; reading finds it out.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn finish(mut self, durable: bool) -> io::Result<u64> {
        self.seal(true)?;
        let file = self.file.take().expect("it is taken here alone");
        if durable {
            file.sync_all()?;
        }
        let bytes = file.metadata()?.len();
        drop(file);
        fs::rename(&self.beside, &self.path)?;
        Ok(bytes)
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let plain = self.chunk.len() as u64;
        self.chunks.seal(self.position, last, &self.name, &mut self.chunk)?;
        self.file.as_mut().expect("it is taken at the end").write_all(&self.chunk)?;
        self.position += 1;
        self.written += plain;
        self.chunk.clear();
        Ok(())
    }
}

impl Drop for SealedWriter {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Whatever stays is swept at the next start.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

/// An open sealed file.
pub struct SealedReader {
    file: File,
    chunks: Chunks,
    name: Vec<u8>,
    len: u64,
    count: u64,
}

impl std::fmt::Debug for SealedReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedReader").field("len", &self.len).finish_non_exhaustive()
    }
}

impl SealedReader {
    /// # Errors
    /// `NotFound`; `InvalidData` when it is no such file; or the disk refuses. A wrong key is found by reading.
    pub fn open(path: &Path, name: &str, key: &FileKey) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut header = [0; HEADER as usize];
        file.read_exact(&mut header).map_err(|_| bad())?;
        let salt = header.strip_prefix(MAGIC).and_then(|salt| salt.first_chunk()).ok_or_else(bad)?;
        let body = file.metadata()?.len() - HEADER;
        let count = body.div_ceil((CHUNK + TAG) as u64);
        let len = body.checked_sub(count * TAG as u64).filter(|_| count > 0).ok_or_else(bad)?;
        Ok(Self { file, chunks: key.chunks(salt), name: name.as_bytes().to_vec(), len, count })
    }

    /// Bytes of the content.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Up to `max` bytes from an offset; fewer only at the end.
    ///
    /// # Errors
    /// `InvalidData` for a wrong key or a changed file; or the disk refuses.
    pub fn read_at(&mut self, offset: u64, max: usize) -> io::Result<Vec<u8>> {
        let end = self.len.min(offset.saturating_add(max as u64));
        let mut out = Vec::with_capacity(usize::try_from(end.saturating_sub(offset)).unwrap_or_default());
        let mut at = offset;
        while at < end {
            let chunk = self.chunk(at / CHUNK as u64)?;
            let from = usize::try_from(at % CHUNK as u64).expect("below a chunk");
            let to = chunk.len().min(from + usize::try_from(end - at).unwrap_or(usize::MAX));
            let part = chunk.get(from..to).filter(|part| !part.is_empty()).ok_or_else(bad)?;
            out.extend_from_slice(part);
            at += part.len() as u64;
        }
        Ok(out)
    }

    /// Everything; the end is checked to be the end.
    ///
    /// # Errors
    /// As [`Self::read_at`]; `FileTooLarge` when it has more than `limit` bytes.
    pub fn read_all(&mut self, limit: u64) -> io::Result<Vec<u8>> {
        if self.len > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut out = Vec::new();
        self.copy_to(&mut |part| {
            out.extend_from_slice(part);
            Ok(())
        })?;
        Ok(out)
    }

    /// Gives everything to `take`, chunk by chunk.
    ///
    /// # Errors
    /// As [`Self::read_at`], or what `take` gave.
    pub fn copy_to(&mut self, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        (0..self.count).try_for_each(|index| take(&self.chunk(index)?))
    }

    fn chunk(&mut self, index: u64) -> io::Result<Vec<u8>> {
        let position = u32::try_from(index).map_err(|_| bad())?;
        self.file.seek(SeekFrom::Start(HEADER + index * (CHUNK + TAG) as u64))?;
        let mut sealed = Vec::with_capacity(CHUNK + TAG);
        Read::by_ref(&mut self.file).take((CHUNK + TAG) as u64).read_to_end(&mut sealed)?;
        self.chunks.open(position, index + 1 == self.count, &self.name, sealed)
    }
}

fn bad() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the file is damaged, or sealed with another key")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealed(dir: &Path, bytes: &[u8]) -> PathBuf {
        let path = dir.join("a");
        let mut writer = SealedWriter::create(&path, "a", &key()).unwrap();
        bytes.chunks(1_000).for_each(|part| writer.write(part).unwrap());
        assert_eq!(writer.len(), bytes.len() as u64);
        let on_disk = writer.finish(true).unwrap();
        assert_eq!(on_disk, fs::metadata(&path).unwrap().len());
        path
    }

    fn key() -> FileKey {
        FileKey::derive(&[7; 32])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn what_was_written_is_read_whole_and_in_parts(len in 0_usize..200_000, offset in 0_u64..210_000, max in 0_usize..150_000) {
            let dir = tempfile::tempdir().unwrap();
            let bytes: Vec<u8> = (0..len).map(|at| (at * 31 % 251) as u8).collect();
            let path = sealed(dir.path(), &bytes);
            let mut reader = SealedReader::open(&path, "a", &key()).unwrap();
            prop_assert_eq!(reader.len(), len as u64);
            prop_assert_eq!(&reader.read_all(u64::MAX).unwrap(), &bytes);
            let from = (offset as usize).min(len);
            let to = (from + max).min(len);
            prop_assert_eq!(reader.read_at(offset, max).unwrap(), &bytes[from..to]);
        }
    }

    #[test]
    fn whole_chunks_are_read_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK] {
            let bytes = vec![5; len];
            let path = sealed(dir.path(), &bytes);
            assert_eq!(SealedReader::open(&path, "a", &key()).unwrap().read_all(u64::MAX).unwrap(), bytes);
        }
    }

    #[test]
    fn a_sealed_file_shows_nothing_of_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = sealed(dir.path(), "the secret plan ".repeat(10_000).as_bytes());
        let raw = fs::read(&path).unwrap();
        assert!(!raw.windows(10).any(|window| window == b"the secret"));
    }

    #[test]
    fn another_key_another_name_a_cut_and_a_changed_byte_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = sealed(dir.path(), &vec![1; 2 * CHUNK + 10]);
        let read = |name: &str, key: &FileKey| {
            SealedReader::open(&path, name, key).and_then(|mut reader| reader.read_all(u64::MAX))
        };
        assert!(read("a", &key()).is_ok());
        assert!(read("a", &FileKey::derive(&[8; 32])).is_err());
        assert!(read("b", &key()).is_err());

        let whole = fs::read(&path).unwrap();
        // Cut where a chunk ends: what is left is made of good chunks only.
        for keep in [whole.len() - 1, HEADER as usize + 2 * (CHUNK + TAG), HEADER as usize + CHUNK + TAG, 20, 0] {
            fs::write(&path, &whole[..keep]).unwrap();
            assert!(read("a", &key()).is_err(), "{keep} bytes");
        }
        let mut changed = whole.clone();
        changed[100] ^= 1;
        fs::write(&path, &changed).unwrap();
        assert!(read("a", &key()).is_err());
    }

    #[test]
    fn a_file_that_was_not_finished_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = SealedWriter::create(&dir.path().join("a"), "a", &key()).unwrap();
        writer.write(&[1; 100_000]).unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
