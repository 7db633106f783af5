//! Names of files: what a person called one, and what it is called on the disk.

use std::fmt;
use std::str::FromStr;

use parley_shared::ids::FileId;
use parley_shared::limits::FILE_NAME_BYTES;

const DRAFT: &str = "draft-";
/// 128 random bits in hexadecimal.
const DRAFT_DIGITS: usize = 32;

/// What the webview calls a file: one that this device keeps for a message, or one of the relay's. Nothing else is a name on the disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileRef {
    Draft(String),
    Stored(FileId),
}

impl FileRef {
    /// A name that nobody guesses.
    pub fn new_draft(random: u128) -> String {
        format!("{DRAFT}{random:032x}")
    }
}

impl FromStr for FileRef {
    type Err = parley_shared::ids::InvalidId;

    fn from_str(key: &str) -> Result<Self, Self::Err> {
        let Some(digits) = key.strip_prefix(DRAFT) else { return Ok(Self::Stored(key.parse()?)) };
        let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if digits.len() == DRAFT_DIGITS && is_hex {
            return Ok(Self::Draft(key.to_owned()));
        }
        Err(parley_shared::ids::InvalidId)
    }
}

impl fmt::Display for FileRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draft(key) => f.write_str(key),
            Self::Stored(id) => id.fmt(f),
        }
    }
}

/// A name as it is shown and sent: without folders, control characters and marks that turn the reading direction, 1 to
/// [`FILE_NAME_BYTES`] bytes; its ending survives.
pub fn clean_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    let name = name.trim().trim_end_matches('.').trim_end();
    if name.is_empty() {
        return "file".to_owned();
    }
    shorten(name)
}

/// A cleaned name that every file system takes.
pub fn name_on_disk(name: &str) -> String {
    let name: String = clean_name(name).chars().map(|c| if r#"<>:"|?*"#.contains(c) { '_' } else { c }).collect();
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let port = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| rest.chars().count() == 1 && rest.chars().all(char::is_numeric))
    };
    // Windows takes these for devices, whatever their ending.
    let device = ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str()) || port("COM") || port("LPT");
    // A leading dot would hide the file.
    let name = if device || name.starts_with('.') { format!("_{name}") } else { name };
    shorten(&name)
}

/// U+200B to U+200F, U+202A to U+202E, U+2060 to U+2069, U+FEFF, U+061C: marks of direction, and characters without width.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
}

fn shorten(name: &str) -> String {
    if name.len() <= FILE_NAME_BYTES {
        return name.to_owned();
    }
    let ending = name.rfind('.').map(|at| &name[at..]).filter(|ending| ending.len() <= 20).unwrap_or_default();
    let mut end = FILE_NAME_BYTES - ending.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_lose_their_folders_and_what_deceives() {
        for (name, cleaned) in [
            ("photo.jpg", "photo.jpg"),
            ("../../etc/passwd", "passwd"),
            (r"C:\Users\me\notes.txt", "notes.txt"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("  .. ", "file"),
            ("", "file"),
            ("Übung 1.pdf", "Übung 1.pdf"),
        ] {
            assert_eq!(clean_name(name), cleaned, "{name:?}");
        }
    }

    #[test]
    fn names_on_the_disk_are_taken_everywhere() {
        for (name, on_disk) in [
            ("a:b?.txt", "a_b_.txt"),
            ("con.txt", "_con.txt"),
            ("COM1", "_COM1"),
            ("common.txt", "common.txt"),
            (".bashrc", "_.bashrc"),
        ] {
            assert_eq!(name_on_disk(name), on_disk);
        }
    }

    #[test]
    fn only_drafts_and_ids_are_keys() {
        let draft = FileRef::new_draft(5);
        assert_eq!(draft.parse(), Ok(FileRef::Draft(draft.clone())));
        assert!("01890a5d-ac96-774b-bcce-b302099a8057".parse::<FileRef>().is_ok());
        for key in ["", "draft-", "draft-..", "../history.db", &draft[1..], &draft.to_uppercase(), &format!("{draft}0")]
        {
            assert!(key.parse::<FileRef>().is_err(), "{key}");
        }
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_good_one(name in any::<String>()) {
            for good in [clean_name(&name), name_on_disk(&name)] {
                prop_assert!((1..=FILE_NAME_BYTES).contains(&good.len()));
                let has_bad_character = good.contains(['/', '\\']) || good.chars().any(char::is_control);
                prop_assert!(!has_bad_character);
            }
        }

        #[test]
        fn a_long_name_keeps_its_ending(stem in "[a-zü]{300,400}") {
            let name = clean_name(&format!("{stem}.jpeg"));
            prop_assert!(name.ends_with(".jpeg") && name.len() <= FILE_NAME_BYTES);
        }
    }
}
