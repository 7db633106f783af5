//! Bounds that the relay holds and the types do not tell. Texts are counted after trimming.

use std::ops::RangeInclusive;

use parley_shared::limits::{
    BIO_CHARS, DEVICE_NAME_CHARS, DISPLAY_NAME_CHARS, EMAIL_BYTES, FILE_BYTES, FILE_NAME_BYTES, PAGE_ITEMS,
    PASSWORD_CHARS, ROOM_MEMBERS, ROOM_NAME_CHARS, ROOM_TOPIC_CHARS, STATUS_CHARS,
};
use serde_json::{Map, Value};

/// What of a field is bounded.
#[derive(Clone, Copy, Debug)]
enum Of {
    Characters,
    Items,
    Number,
}

impl Of {
    const fn keywords(self) -> (&'static str, &'static str) {
        match self {
            Self::Characters => ("minLength", "maxLength"),
            Self::Items => ("minItems", "maxItems"),
            Self::Number => ("minimum", "maximum"),
        }
    }
}

fn bounds() -> Vec<(&'static str, &'static str, Of, RangeInclusive<u64>)> {
    let chars = |range: RangeInclusive<usize>| *range.start() as u64..=*range.end() as u64;
    let text = |type_name, field, range| (type_name, field, Of::Characters, chars(range));
    vec![
        text("SignUp", "display_name", DISPLAY_NAME_CHARS),
        text("SignUp", "email", 3..=EMAIL_BYTES),
        text("SignUp", "password", PASSWORD_CHARS),
        text("SignUp", "device_name", 1..=DEVICE_NAME_CHARS),
        text("SignIn", "device_name", 1..=DEVICE_NAME_CHARS),
        text("JoinAsGuest", "display_name", DISPLAY_NAME_CHARS),
        text("JoinAsGuest", "device_name", 1..=DEVICE_NAME_CHARS),
        text("ChangePassword", "new_password", PASSWORD_CHARS),
        text("ChangeProfile", "display_name", DISPLAY_NAME_CHARS),
        text("ChangeProfile", "status_text", 0..=STATUS_CHARS),
        text("ChangeProfile", "bio", 0..=BIO_CHARS),
        text("CreateRoom", "topic", 0..=ROOM_TOPIC_CHARS),
        ("CreateRoom", "members", Of::Items, 0..=u64::from(PAGE_ITEMS)),
        ("CreateRoom", "max_members", Of::Number, 2..=u64::from(ROOM_MEMBERS)),
        text("ChangeRoom", "name", 1..=ROOM_NAME_CHARS),
        text("ChangeRoom", "topic", 0..=ROOM_TOPIC_CHARS),
        ("ChangeRoom", "max_members", Of::Number, 2..=u64::from(ROOM_MEMBERS)),
        ("AddMembers", "members", Of::Items, 0..=u64::from(PAGE_ITEMS)),
        text("CreateUpload", "name", 1..=FILE_NAME_BYTES),
        ("CreateUpload", "size_bytes", Of::Number, 1..=FILE_BYTES),
        ("CreateInvite", "max_uses", Of::Number, 1..=u64::from(u32::MAX)),
    ]
}

/// Writes the bounds into the schemas of the document.
pub fn write(schemas: &mut Map<String, Value>) {
    for (type_name, field, of, range) in bounds() {
        let schema = schemas.get_mut(type_name).and_then(|schema| schema["properties"].get_mut(field));
        let schema = schema.and_then(Value::as_object_mut);
        let schema = schema.unwrap_or_else(|| panic!("{type_name} has the field {field}"));
        let (low, high) = of.keywords();
        schema.insert(low.to_owned(), (*range.start()).into());
        schema.insert(high.to_owned(), (*range.end()).into());
    }
}
