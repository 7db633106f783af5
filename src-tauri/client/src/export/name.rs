//! What an export is called when the person has not said.

use jiff::Zoned;

use crate::files::name_on_disk;

/// A title and today's date on this machine, as every file system takes it, such as `Garden 2026-11-27.html`.
pub fn suggested_name(title: &str, ending: &str) -> String {
    name(title, ending, &Zoned::now().strftime("%Y-%m-%d").to_string())
}

fn name(title: &str, ending: &str, date: &str) -> String {
    // What stands before a slash would be taken for folders.
    let title: String = title.chars().map(|c| if matches!(c, '/' | '\\') { '-' } else { c }).take(80).collect();
    let title = if title.trim().is_empty() { "Parley" } else { title.trim() };
    name_on_disk(&format!("{title} {date}.{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_names_that_every_system_takes() {
        for (title, named) in [
            ("Garden", "Garden 2026-11-27.html"),
            ("a/b\\c: d?", "a-b-c_ d_ 2026-11-27.html"),
            ("../../etc/passwd", "_..-..-etc-passwd 2026-11-27.html"),
            ("", "Parley 2026-11-27.html"),
            ("x\u{202e}lmth.exe", "xlmth.exe 2026-11-27.html"),
        ] {
            assert_eq!(name(title, "html", "2026-11-27"), named, "{title}");
        }
        assert!(name(&"ü".repeat(500), "json", "2026-11-27").ends_with(" 2026-11-27.json"));
    }
}
