//! Files: uploads, who sees what, which blobs are still referred to.

use parley_shared::ids::{FileId, UnixMs, UserId};
use parley_shared::wire::{Attachment, AttachmentKind, ErrorCode, Role, UploadPurpose, WireError};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::rows::unknown;
use super::tenants::standing;
use super::{SqliteStore, blobs};
use crate::blobs::BlobHash;
use crate::store::{Answer, FileStore, Kept, KeptContent, NewUpload, StoreError, StoredFile, StoredUpload};

type Result<T> = std::result::Result<T, StoreError>;

impl FileStore for SqliteStore {
    fn create_upload(&self, new: NewUpload) -> Answer<()> {
        self.pool.write(move |c| create(c, &new))
    }

    fn upload(&self, asker: UserId, id: FileId) -> Answer<StoredUpload> {
        self.pool.read(move |c| upload(c, asker, id))
    }

    fn touch_upload(&self, asker: UserId, id: FileId, at: UnixMs) -> Answer<()> {
        self.pool.write(move |c| touch(c, asker, id, at))
    }

    fn complete_upload(&self, asker: UserId, id: FileId, kept: Kept, at: UnixMs) -> Answer<StoredUpload> {
        self.pool.write(move |c| complete(c, asker, id, &kept, at))
    }

    fn remove_upload(&self, asker: UserId, id: FileId) -> Answer<()> {
        self.pool.write(move |c| give_up(c, asker, id))
    }

    fn dead_uploads(&self, ids: Vec<FileId>) -> Answer<Vec<FileId>> {
        self.pool.read(move |c| dead(c, ids))
    }

    fn file(&self, asker: UserId, id: FileId) -> Answer<StoredFile> {
        self.pool.read(move |c| file(c, asker, id))
    }

    fn doubt_blobs(&self, hashes: Vec<BlobHash>) -> Answer<()> {
        self.pool.write(move |c| blobs::doubt(c, &hashes))
    }

    fn unused_blobs(&self) -> Answer<Vec<BlobHash>> {
        self.pool.write(blobs::unused)
    }

    fn forget_blobs(&self, hashes: Vec<BlobHash>) -> Answer<()> {
        self.pool.write(move |c| blobs::forget(c, &hashes))
    }
}

fn create(c: &Connection, new: &NewUpload) -> Result<()> {
    let (kept, unused): (u64, u32) = c
        .prepare_cached("SELECT coalesce(sum(kept_bytes), 0), count(*) FILTER (WHERE state <> 'used') FROM files WHERE owner_id = ?")?
        .query_row([new.owner.as_bytes()], |r| Ok((r.get(0)?, r.get(1)?)))?;
    if unused >= new.uploads {
        let error = WireError::new(ErrorCode::RateLimited, "Too many of your files are in no message yet.");
        return Err(StoreError::Refused(WireError { retry_after_s: Some(60), ..error }));
    }
    if kept.saturating_add(new.size_bytes) > new.storage_bytes {
        let error =
            WireError::new(ErrorCode::StorageFull, "Your files take all the space that you have on this relay.");
        return Err(StoreError::Refused(WireError { field: Some("size_bytes".into()), ..error }));
    }
    c.prepare_cached(
        "INSERT INTO files (id, owner_id, purpose, name, declared_bytes, kept_bytes, touched_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)",
    )?
    .execute(params![
        new.id.as_bytes(),
        new.owner.as_bytes(),
        purpose_text(new.purpose),
        new.name,
        new.size_bytes,
        new.at.0
    ])?;
    Ok(())
}

fn upload(c: &Connection, asker: UserId, id: FileId) -> Result<StoredUpload> {
    let sql =
        format!("SELECT {FILE}, f.purpose, f.state, f.declared_bytes FROM files f WHERE f.id = ? AND f.owner_id = ?");
    c.prepare_cached(&sql)?
        .query_row(params![id.as_bytes(), asker.as_bytes()], |r| {
            let state: String = r.get(FILE_COLUMNS + 1)?;
            let file = if state == "receiving" { None } else { Some(file_row(r)?) };
            Ok(StoredUpload {
                id,
                purpose: purpose(r, FILE_COLUMNS)?,
                name: r.get(1)?,
                size_bytes: r.get(FILE_COLUMNS + 2)?,
                file,
                used: state == "used",
            })
        })
        .optional()?
        .ok_or_else(no_file)
}

fn touch(c: &Connection, asker: UserId, id: FileId, at: UnixMs) -> Result<()> {
    c.prepare_cached("UPDATE files SET touched_at_ms = max(touched_at_ms, ?) WHERE id = ? AND owner_id = ?")?
        .execute(params![at.0, id.as_bytes(), asker.as_bytes()])?;
    Ok(())
}

fn complete(c: &Connection, asker: UserId, id: FileId, kept: &Kept, at: UnixMs) -> Result<StoredUpload> {
    let (width_px, height_px, placeholder) = match &kept.kind {
        AttachmentKind::Image { width_px, height_px, placeholder } => (*width_px, *height_px, placeholder.as_str()),
        AttachmentKind::File { media_type: _ } => (0, 0, ""),
    };
    let thumbnail = kept.thumbnail.as_ref();
    let changed = c
        .prepare_cached(
            "UPDATE files SET state = 'complete', touched_at_ms = ?3, size_bytes = ?4, kept_bytes = ?4 + ?5, media_type = ?6,
               hash = ?7, thumbnail_hash = ?8, thumbnail_type = ?9, thumbnail_bytes = ?5, width_px = ?10, height_px = ?11,
               placeholder = ?12
             WHERE id = ?1 AND owner_id = ?2 AND state = 'receiving'",
        )?
        .execute(params![
            id.as_bytes(),
            asker.as_bytes(),
            at.0,
            kept.content.size_bytes,
            thumbnail.map_or(0, |thumbnail| thumbnail.size_bytes),
            kept.content.media_type,
            kept.content.hash.0,
            thumbnail.map_or(&[][..], |thumbnail| &thumbnail.hash.0[..]),
            thumbnail.map_or("", |thumbnail| thumbnail.media_type.as_str()),
            width_px,
            height_px,
            placeholder,
        ])?;
    if changed == 0 {
        return Err(no_file());
    }
    upload(c, asker, id)
}

fn give_up(c: &Connection, asker: UserId, id: FileId) -> Result<()> {
    if upload(c, asker, id)?.used {
        return Err(StoreError::refused(ErrorCode::Conflict, "This file is in use."));
    }
    remove(c, id)
}

fn dead(c: &Connection, ids: Vec<FileId>) -> Result<Vec<FileId>> {
    let mut alive = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM files WHERE id = ? AND state = 'receiving')")?;
    let mut dead = Vec::new();
    for id in ids {
        if !alive.query_row([id.as_bytes()], |r| r.get::<_, bool>(0))? {
            dead.push(id);
        }
    }
    Ok(dead)
}

/// The person `u` is in a room of parameter 2.
const SHARES_ROOM: &str = "EXISTS (SELECT 1 FROM members a JOIN members k ON k.room_id = a.room_id
                                   WHERE a.user_id = ?2 AND k.user_id = u.id)";

fn file(c: &Connection, asker: UserId, id: FileId) -> Result<StoredFile> {
    let me = standing(c, asker)?;
    let sql = format!(
        "SELECT {FILE} FROM files f WHERE f.id = ?1 AND f.state <> 'receiving' AND (
           (f.state = 'complete' AND f.owner_id = ?2)
           OR EXISTS (SELECT 1 FROM messages m JOIN members k ON k.room_id = m.room_id AND k.user_id = ?2
                      WHERE f.place > 0 AND m.place = f.place AND m.kind = 'text')
           OR EXISTS (SELECT 1 FROM users u WHERE u.avatar = ?1 AND u.avatar <> x'' AND u.tenant_id = ?3
                        AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = u.id AND b.other_id = ?2)
                        AND (?4 OR {SHARES_ROOM}))
           OR EXISTS (SELECT 1 FROM rooms r WHERE r.avatar = ?1 AND r.avatar <> x'' AND r.deleted = 0 AND r.tenant_id = ?3
                        AND ((?4 AND r.visibility = 'public')
                          OR EXISTS (SELECT 1 FROM members k WHERE k.room_id = r.id AND k.user_id = ?2))))"
    );
    c.prepare_cached(&sql)?
        .query_row(params![id.as_bytes(), asker.as_bytes(), me.tenant.0, me.role != Role::Guest], file_row)
        .optional()?
        .ok_or_else(no_file)
}

/// Complete uploads of a person, whatever shows them.
pub(super) fn own(c: &Connection, owner: UserId, after: Option<FileId>, limit: u32) -> Result<Vec<StoredFile>> {
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
    let sql = format!(
        "SELECT {FILE} FROM files f WHERE f.owner_id = ? AND f.state <> 'receiving' AND f.id > ? ORDER BY f.id LIMIT ?"
    );
    let mut statement = c.prepare_cached(&sql)?;
    let files = statement.query_map(params![owner.as_bytes(), after, limit], file_row)?;
    Ok(files.collect::<std::result::Result<_, _>>()?)
}

/// Columns of [`file_row`], for a table named `f`.
const FILE: &str = "f.id, f.name, f.size_bytes, f.media_type, f.hash, f.thumbnail_hash, f.thumbnail_type, f.thumbnail_bytes, \
     f.width_px, f.height_px, f.placeholder";
const FILE_COLUMNS: usize = 11;

fn file_row(row: &Row<'_>) -> std::result::Result<StoredFile, rusqlite::Error> {
    let media_type: String = row.get(3)?;
    let thumbnail: Vec<u8> = row.get(5)?;
    let thumbnail = match <[u8; 32]>::try_from(thumbnail) {
        Ok(hash) => Some(KeptContent { hash: BlobHash(hash), media_type: row.get(6)?, size_bytes: row.get(7)? }),
        Err(_) => None,
    };
    let kind = kind(row.get(8)?, row.get(9)?, row.get(10)?, media_type.clone());
    let content = KeptContent { hash: BlobHash(row.get(4)?), size_bytes: row.get(2)?, media_type };
    Ok(StoredFile { id: FileId::from_bytes(row.get(0)?), name: row.get(1)?, kept: Kept { content, thumbnail, kind } })
}

fn kind(width_px: u32, height_px: u32, placeholder: String, media_type: String) -> AttachmentKind {
    if width_px > 0 {
        AttachmentKind::Image { width_px, height_px, placeholder }
    } else {
        AttachmentKind::File { media_type }
    }
}

/// The attachments of a message of a table named `m`, as one column for [`attachments`]: a page of messages stays one query.
pub(super) const ATTACHMENTS: &str = "(SELECT json_group_array(json_array(hex(f.id), f.name, f.size_bytes, f.media_type, f.width_px, \
     f.height_px, f.placeholder) ORDER BY f.position) FROM files f WHERE f.place = m.place AND f.place > 0)";

/// Reads a column of [`ATTACHMENTS`].
pub(super) fn attachments(row: &Row<'_>, column: usize) -> std::result::Result<Vec<Attachment>, rusqlite::Error> {
    let json = row.get_ref(column)?.as_str()?;
    if json == "[]" {
        return Ok(Vec::new());
    }
    let files: Vec<(FileId, String, u64, String, u32, u32, String)> =
        serde_json::from_str(json).map_err(|_| unknown(column, "attachments"))?;
    let attachment = |(id, name, size_bytes, media_type, width_px, height_px, placeholder)| Attachment {
        id,
        name,
        size_bytes,
        kind: kind(width_px, height_px, placeholder, media_type),
    };
    Ok(files.into_iter().map(attachment).collect())
}

/// Puts the sender's own complete uploads into their message.
pub(super) fn use_in_message(c: &Connection, sender: UserId, place: i64, ids: &[FileId]) -> Result<()> {
    let mut put = c.prepare_cached(
        "UPDATE files SET state = 'used', place = ?3, position = ?4
         WHERE id = ?1 AND owner_id = ?2 AND purpose = 'attachment' AND state = 'complete'",
    )?;
    for (position, id) in ids.iter().enumerate() {
        if put.execute(params![id.as_bytes(), sender.as_bytes(), place, position])? == 0 {
            let sentence = "A file is not there any more, not whole, or in a message already.";
            return Err(StoreError::Refused(WireError::field("attachments", sentence)));
        }
    }
    Ok(())
}

/// A message is gone, and its files with it.
pub(super) fn free_message(c: &Connection, place: i64) -> Result<()> {
    remove_where(c, "place > 0 AND place = ?", [place]).map(drop)
}

/// Makes an upload of the asker's a picture of somebody or something.
pub(super) fn use_as_avatar(c: &Connection, asker: UserId, id: FileId) -> Result<()> {
    let used = c
        .prepare_cached(
            "UPDATE files SET state = 'used' WHERE id = ? AND owner_id = ? AND purpose = 'avatar' AND state = 'complete'",
        )?
        .execute(params![id.as_bytes(), asker.as_bytes()])?;
    if used == 0 {
        let sentence = "The picture is not there any more, not whole, or no picture of this kind.";
        return Err(StoreError::Refused(WireError::field("avatar", sentence)));
    }
    Ok(())
}

pub(super) fn remove(c: &Connection, id: FileId) -> Result<()> {
    remove_where(c, "id = ?", [id.as_bytes()]).map(drop)
}

pub(super) fn remove_unused_of(c: &Connection, owner: UserId) -> Result<()> {
    remove_where(c, "owner_id = ? AND state <> 'used'", [owner.as_bytes()]).map(drop)
}

/// The one way in which rows of files go: their blobs become doubtful in the same transaction.
pub(super) fn remove_where(c: &Connection, condition: &str, values: impl Params + Copy) -> Result<usize> {
    for column in ["hash", "thumbnail_hash"] {
        let sql = format!(
            "INSERT OR IGNORE INTO doubtful_blobs (hash) SELECT {column} FROM files WHERE {column} <> x'' AND {condition}"
        );
        c.prepare_cached(&sql)?.execute(values)?;
    }
    Ok(c.prepare_cached(&format!("DELETE FROM files WHERE {condition}"))?.execute(values)?)
}

fn no_file() -> StoreError {
    StoreError::refused(ErrorCode::NotFound, "There is no such file.")
}

fn purpose(row: &Row<'_>, column: usize) -> std::result::Result<UploadPurpose, rusqlite::Error> {
    match row.get::<_, String>(column)?.as_str() {
        "attachment" => Ok(UploadPurpose::Attachment),
        "avatar" => Ok(UploadPurpose::Avatar),
        _ => Err(unknown(column, "purpose")),
    }
}

fn purpose_text(purpose: UploadPurpose) -> &'static str {
    match purpose {
        UploadPurpose::Attachment => "attachment",
        UploadPurpose::Avatar => "avatar",
    }
}
