//! Names that mean a file of this archive and nothing else, on every system that unpacks it.

use parley_shared::ids::FileId;
use relay_core::text;

/// Bytes of a name that every common file system takes.
const NAME_BYTES: usize = 255;
/// An ending longer than this is no ending.
const ENDING_BYTES: usize = 16;

/// The name of a file within the archive. It begins with the id, so that it is unique and no name that a system keeps for itself.
pub fn file(id: FileId, name: &str) -> String {
    let prefix = format!("{id}-");
    let room = NAME_BYTES - prefix.len();
    format!("files/{prefix}{}", shortened(&harmless(name), room))
}

fn harmless(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).map(|c| if is_odd(c) { '_' } else { c }).collect();
    let clean = clean.trim().trim_end_matches(['.', ' ']);
    if clean.is_empty() { "file".into() } else { clean.to_owned() }
}

/// What Windows takes in no name, and what turns the direction of the text after it.
fn is_odd(c: char) -> bool {
    "<>:\"|?*".contains(c) || text::turns_direction(c)
}

/// At most so many bytes, the ending kept.
fn shortened(name: &str, bytes: usize) -> String {
    if name.len() <= bytes {
        return name.to_owned();
    }
    let (stem, ending) = match name.rfind('.') {
        Some(dot) if name.len() - dot <= ENDING_BYTES => name.split_at(dot),
        Some(_) | None => (name, ""),
    };
    let mut end = stem.len().min(bytes - ending.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", &stem[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(name: &str) -> String {
        let id = FileId::from_bytes([7; 16]);
        let whole = file(id, name);
        whole.strip_prefix(&format!("files/{id}-")).expect("the id is in front").to_owned()
    }

    #[test]
    fn hostile_names_stay_in_their_folder() {
        for (name, expected) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("/etc/shadow", "shadow"),
            ("C:\\Windows\\evil.exe", "evil.exe"),
            ("C:evil.exe", "C_evil.exe"),
            ("..", "file"),
            ("", "file"),
            ("CON", "CON"),
            ("a\0b\n.txt", "ab.txt"),
            ("photo\u{202e}gpj.exe", "photo_gpj.exe"),
            ("what?.txt. ", "what_.txt"),
            ("Ünïcödé 🎉.txt", "Ünïcödé 🎉.txt"),
        ] {
            assert_eq!(named(name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let name = named(&format!("{}.jpeg", "ü".repeat(125)));
        assert!(name.ends_with("ü.jpeg") && name.len() + 37 <= NAME_BYTES && name.len() + 37 >= NAME_BYTES - 1);
    }

    proptest! {
        #[test]
        fn every_name_is_one_component_of_bounded_length(name in any::<String>()) {
            let whole = file(FileId::from_bytes([7; 16]), &name);
            let component = whole.strip_prefix("files/").unwrap();
            prop_assert!(component.len() <= NAME_BYTES && !component.contains(['/', '\\', ':', '\0']));
            prop_assert!(!component.ends_with(['.', ' ']) || component.len() == NAME_BYTES);
        }
    }
}
