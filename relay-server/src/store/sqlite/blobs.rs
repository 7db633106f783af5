//! Which blobs are still referred to.

use rusqlite::Connection;

use crate::blobs::BlobHash;
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Blobs that are removed in one go.
const AT_ONCE: usize = 200;

pub(super) fn doubt(c: &Connection, hashes: &[BlobHash]) -> Result<()> {
    let mut insert = c.prepare_cached("INSERT OR IGNORE INTO doubtful_blobs (hash) VALUES (?)")?;
    for hash in hashes {
        insert.execute([hash.0])?;
    }
    Ok(())
}

pub(super) fn unused(c: &Connection) -> Result<Vec<BlobHash>> {
    const REFERRED: &str = "(EXISTS (SELECT 1 FROM files f WHERE f.hash = d.hash AND f.hash <> x'')
         OR EXISTS (SELECT 1 FROM files f WHERE f.thumbnail_hash = d.hash AND f.thumbnail_hash <> x''))";
    c.execute(
        &format!("DELETE FROM doubtful_blobs WHERE hash IN (SELECT d.hash FROM doubtful_blobs d WHERE {REFERRED})"),
        [],
    )?;
    let sql = format!("SELECT hash FROM doubtful_blobs LIMIT {AT_ONCE}");
    Ok(c.prepare_cached(&sql)?.query_map([], |r| r.get(0).map(BlobHash))?.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn forget(c: &Connection, hashes: &[BlobHash]) -> Result<()> {
    let mut delete = c.prepare_cached("DELETE FROM doubtful_blobs WHERE hash = ?")?;
    for hash in hashes {
        delete.execute([hash.0])?;
    }
    Ok(())
}
