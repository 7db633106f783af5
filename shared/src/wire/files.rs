//! Files: bodies of `/api/v1/uploads` and `/api/v1/files`.
//!
//! ```text
//! POST /uploads --> Upload{received 0} --PATCH offset=0--> Upload{received n} --PATCH offset=n--> ... --> Upload{file}
//!                        `--- lost? GET /uploads/{id} says where to go on ---^
//! ```
//! A file is its uploader's until a message names it; from then on it belongs to the members of that message's room.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::FileId;

/// `POST /api/v1/uploads` → 201 [`Upload`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateUpload {
    /// As the person knows it, without folders; 1 to [`crate::limits::FILE_NAME_BYTES`] bytes.
    pub name: String,
    pub size_bytes: u64,
    pub purpose: UploadPurpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UploadPurpose {
    /// For a message.
    Attachment,
    /// A picture of a person or a room: must be an image, is kept as a square of [`crate::limits::AVATAR_PX`].
    Avatar,
}

/// `GET /api/v1/uploads/{id}`; `PATCH /api/v1/uploads/{id}?offset=` with the next bytes as `application/octet-stream` → [`Upload`];
/// `DELETE /api/v1/uploads/{id}` gives it up. A wrong offset is a `conflict`: ask where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Upload {
    pub id: FileId,
    pub size_bytes: u64,
    /// What is safely here: the offset of the next piece.
    pub received_bytes: u64,
    /// What came of it, once all bytes are here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Attachment>,
}

/// A file in a message. `GET /api/v1/files/{id}` gives its bytes, `GET /api/v1/files/{id}/thumbnail` a JPEG or WebP of an image that fits
/// [`crate::limits::THUMBNAIL_PX`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attachment {
    pub id: FileId,
    pub name: String,
    pub size_bytes: u64,
    pub kind: AttachmentKind,
}

/// What the relay found in the bytes, whatever the name says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AttachmentKind {
    /// JPEG, PNG or WebP, upright, without metadata.
    Image {
        width_px: u32,
        height_px: u32,
        /// A ThumbHash in base64: what is drawn until the picture is here.
        placeholder: String,
    },
    File {
        /// By the content where it is known, `application/octet-stream` else.
        media_type: String,
    },
}
