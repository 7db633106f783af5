//! Checks of what people write: names, topics, messages.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use parley_shared::ids::FileId;
use parley_shared::limits;
use parley_shared::mentions::{Mention, mentions};
use parley_shared::wire::{ErrorCode, WireError};

/// Combining marks in a row that a script can need; more of them only paint over neighbours.
const MARKS_IN_A_ROW: usize = 16;

/// The text of a message, trimmed: 1 to [`limits::MESSAGE_CHARS`] characters, no control characters but line breaks and tabs,
/// no towers of combining marks, and at most [`limits::MENTIONS_PER_MESSAGE`] mentions. It may be empty beside attachments, each
/// of which is named once.
pub fn message(text: &str, attachments: &[FileId]) -> Result<String, WireError> {
    let text = edited(text)?;
    if text.is_empty() && attachments.is_empty() {
        return Err(no_text());
    }
    if attachments.len() > limits::ATTACHMENTS_PER_MESSAGE {
        let sentence = format!("A message has at most {} files.", limits::ATTACHMENTS_PER_MESSAGE);
        return Err(WireError { field: Some("attachments".into()), ..WireError::new(ErrorCode::TooLarge, sentence) });
    }
    if attachments.iter().collect::<BTreeSet<_>>().len() < attachments.len() {
        return Err(WireError::field("attachments", "A file is named twice."));
    }
    Ok(text)
}

/// What is said to a message without anything in it.
pub fn no_text() -> WireError {
    WireError::field("text", "A message needs some text.")
}

/// The new text of a message, like [`message`] of one that may have attachments.
pub fn edited(text: &str) -> Result<String, WireError> {
    let text = text.trim();
    if text.len() > limits::MESSAGE_CHARS * 4 || text.chars().count() > limits::MESSAGE_CHARS {
        let sentence = format!("A message has at most {} characters.", limits::MESSAGE_CHARS);
        return Err(WireError { field: Some("text".into()), ..WireError::new(ErrorCode::TooLarge, sentence) });
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t') {
        return Err(WireError::field("text", "A message has no control characters."));
    }
    no_towers("text", text)?;
    let mentioned: BTreeSet<Mention> = mentions(text).into_iter().map(|(_, mention)| mention).collect();
    if mentioned.len() > limits::MENTIONS_PER_MESSAGE {
        let sentence = format!("A message mentions at most {} people.", limits::MENTIONS_PER_MESSAGE);
        return Err(WireError::field("text", sentence));
    }
    Ok(text.to_owned())
}

/// One emoji, as Unicode recommends to write it: `❤` becomes `❤️`, so that both are one reaction.
pub fn emoji(text: &str) -> Result<String, WireError> {
    let known = (text.len() <= limits::EMOJI_BYTES).then(|| emojis::get(text)).flatten();
    known.map(|emoji| emoji.as_str().to_owned()).ok_or_else(|| WireError::field("emoji", "That is not one emoji."))
}

/// One line of text, trimmed, of `chars` characters: names, topics, device names.
pub fn line(field: &'static str, text: &str, chars: RangeInclusive<usize>) -> Result<String, WireError> {
    let text = text.trim();
    let count = text.chars().take(chars.end() + 1).count();
    if !chars.contains(&count) {
        let sentence = format!("It has {} to {} characters.", chars.start(), chars.end());
        return Err(WireError::field(field, sentence));
    }
    if text.chars().any(|c| c.is_control() || is_direction_override(c)) {
        return Err(WireError::field(field, "It has no control characters."));
    }
    no_towers(field, text)?;
    Ok(text.to_owned())
}

/// Some lines of text, trimmed, of at most `chars` characters.
pub fn lines(field: &'static str, text: &str, chars: usize) -> Result<String, WireError> {
    let text = text.trim();
    if text.len() > chars * 4 || text.chars().count() > chars {
        return Err(WireError::field(field, format!("It has at most {chars} characters.")));
    }
    if text.chars().any(|c| (c.is_control() && c != '\n' && c != '\r' && c != '\t') || is_direction_override(c)) {
        return Err(WireError::field(field, "It has no control characters."));
    }
    no_towers(field, text)?;
    Ok(text.to_owned())
}

/// A file's name, made harmless: without folders, control characters and direction overrides. 1 to [`limits::FILE_NAME_BYTES`] bytes.
pub fn file_name(field: &'static str, name: &str) -> Result<String, WireError> {
    if name.trim().is_empty() || name.len() > limits::FILE_NAME_BYTES {
        let sentence = format!("A file's name has 1 to {} bytes.", limits::FILE_NAME_BYTES);
        return Err(WireError::field(field, sentence));
    }
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control() && !turns_direction(*c)).collect();
    let clean = clean.trim().trim_end_matches('.').trim_end();
    if clean.is_empty() {
        return Ok("file".into());
    }
    no_towers(field, clean)?;
    Ok(clean.to_owned())
}

/// The words of a name as a search finds them: lower case, letters and digits only.
pub fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut words: Vec<String> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn no_towers(field: &'static str, text: &str) -> Result<(), WireError> {
    let mut row = 0;
    for c in text.chars() {
        row = if is_mark(c) { row + 1 } else { 0 };
        if row > MARKS_IN_A_ROW {
            return Err(WireError::field(field, "Too many combining marks on one letter."));
        }
    }
    Ok(())
}

/// The blocks of combining diacritical marks (Unicode 16, chapter 7.9).
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Whether a character turns or moves what stands beside it without being seen.
pub fn turns_direction(c: char) -> bool {
    is_direction_override(c) || is_direction_mark(c)
}

/// Overrides that make a name read as another (Unicode TR 36).
fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Marks without width that push letters about.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_trimmed_and_bounded() {
        assert_eq!(message("  hi\nthere \n", &[]).as_deref(), Ok("hi\nthere"));
        assert_eq!(message(" \n ", &[]).map_err(|e| e.code), Err(ErrorCode::InvalidArgument));
        assert!(message(&"ü".repeat(4_000), &[]).is_ok());
        assert_eq!(message(&"ü".repeat(4_001), &[]).map_err(|e| e.code), Err(ErrorCode::TooLarge));
        assert!(message("a\0b", &[]).is_err());
    }

    #[test]
    fn towers_of_marks_are_refused_and_real_scripts_pass() {
        assert!(message(&format!("a{}", "\u{301}".repeat(1_000)), &[]).is_err());
        for real in ["Tiếng Việt", "हिन्दी", "שָׁלוֹם", "👩‍👩‍👧‍👦 family", "e\u{301}\u{323}"]
        {
            assert_eq!(message(real, &[]).as_deref(), Ok(real));
        }
    }

    #[test]
    fn a_message_is_text_or_files_and_mentions_not_too_many() {
        let files: Vec<FileId> =
            (0..=limits::ATTACHMENTS_PER_MESSAGE as u8).map(|n| FileId::from_bytes([n; 16])).collect();
        assert_eq!(message(" ", &files[..1]).as_deref(), Ok(""));
        let field = |result: Result<String, WireError>| result.map_err(|error| error.field);
        assert_eq!(field(message("x", &files)), Err(Some("attachments".into())));
        assert_eq!(field(message("x", &[files[0], files[0]])), Err(Some("attachments".into())), "each once");
        let mentions =
            |count: usize| (0..count).map(|n| format!("<@00000000-0000-7000-8000-{n:012}>")).collect::<String>();
        assert!(message(&mentions(limits::MENTIONS_PER_MESSAGE), &[]).is_ok());
        assert_eq!(field(message(&mentions(limits::MENTIONS_PER_MESSAGE + 1), &[])), Err(Some("text".into())));
        assert!(message(&"<@everyone>".repeat(100), &[]).is_ok(), "the same one counts once");
    }

    #[test]
    fn one_emoji_is_one_reaction_however_it_is_written() {
        for (written, kept) in
            [("👍", "👍"), ("❤", "❤\u{fe0f}"), ("❤\u{fe0f}", "❤\u{fe0f}"), ("👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"), ("👍🏽", "👍🏽"), ("🇰🇷", "🇰🇷")]
        {
            assert_eq!(emoji(written).as_deref(), Ok(kept), "{written}");
        }
        for wrong in
            ["", " ", "a", "1", "👍👍", "👍x", " 👍", ":)", "smile", "\u{fe0f}", "\u{1f1f0}\u{1f1f0}", &"👍".repeat(99)]
        {
            assert_eq!(emoji(wrong).map_err(|error| error.field), Err(Some("emoji".into())), "{wrong:?}");
        }
    }

    #[test]
    fn line_counts_characters_and_refuses_breaks() {
        assert_eq!(line("name", " Jörg ", 2..=64).as_deref(), Ok("Jörg"));
        assert!(line("name", "J", 2..=64).is_err());
        assert!(line("name", "a\nb", 2..=64).is_err());
        assert!(line("name", "evil\u{202e}cod", 2..=64).is_err());
    }

    #[test]
    fn file_names_are_made_harmless() {
        for (name, clean) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ada\\cat.jpg", "cat.jpg"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("..", "file"),
            ("folder/", "file"),
            (" spaced . ", "spaced"),
            ("Ünïcödé 🎉.txt", "Ünïcödé 🎉.txt"),
        ] {
            assert_eq!(file_name("name", name).as_deref(), Ok(clean), "{name:?}");
        }
        assert!(file_name("name", "").is_err() && file_name("name", " ").is_err());
        assert!(file_name("name", &"x".repeat(255)).is_ok());
        assert!(file_name("name", &"ü".repeat(128)).is_err(), "bytes count, not characters");
    }

    #[test]
    fn a_text_about_oneself_has_lines_and_an_end() {
        assert_eq!(lines("bio", " one\ntwo ", 10).as_deref(), Ok("one\ntwo"));
        assert_eq!(lines("bio", "", 10).as_deref(), Ok(""));
        assert!(lines("bio", "x".repeat(11).as_str(), 10).is_err());
        assert!(lines("bio", "a\0b", 10).is_err());
    }

    #[test]
    fn words_are_lower_case_and_unique() {
        assert_eq!(words("Mary-Jane O'Hara mary"), ["hara", "jane", "mary", "o"]);
        assert!(words("_%").is_empty());
    }
}
