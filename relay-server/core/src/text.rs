//! Checks of what people write: names, topics, messages.

use std::ops::RangeInclusive;

use parley_shared::limits;
use parley_shared::wire::{ErrorCode, WireError};

/// Combining marks in a row that a script can need; more of them only paint over neighbours.
const MARKS_IN_A_ROW: usize = 16;

/// The text of a message, trimmed: 1 to [`limits::MESSAGE_CHARS`] characters, no control characters but line breaks and tabs,
/// and no towers of combining marks.
pub fn message(text: &str) -> Result<String, WireError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(WireError::field("text", "A message needs some text."));
    }
    if text.len() > limits::MESSAGE_CHARS * 4 || text.chars().count() > limits::MESSAGE_CHARS {
        let sentence = format!("A message has at most {} characters.", limits::MESSAGE_CHARS);
        return Err(WireError { field: Some("text".into()), ..WireError::new(ErrorCode::TooLarge, sentence) });
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t') {
        return Err(WireError::field("text", "A message has no control characters."));
    }
    no_towers("text", text)?;
    Ok(text.to_owned())
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

/// Overrides that make a name read as another (Unicode TR 36).
fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_trimmed_and_bounded() {
        assert_eq!(message("  hi\nthere \n").as_deref(), Ok("hi\nthere"));
        assert_eq!(message(" \n ").map_err(|e| e.code), Err(ErrorCode::InvalidArgument));
        assert!(message(&"ü".repeat(4_000)).is_ok());
        assert_eq!(message(&"ü".repeat(4_001)).map_err(|e| e.code), Err(ErrorCode::TooLarge));
        assert!(message("a\0b").is_err());
    }

    #[test]
    fn towers_of_marks_are_refused_and_real_scripts_pass() {
        assert!(message(&format!("a{}", "\u{301}".repeat(1_000))).is_err());
        for real in ["Tiếng Việt", "हिन्दी", "שָׁלוֹם", "👩‍👩‍👧‍👦 family", "e\u{301}\u{323}"]
        {
            assert_eq!(message(real).as_deref(), Ok(real));
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
    fn words_are_lower_case_and_unique() {
        assert_eq!(words("Mary-Jane O'Hara mary"), ["hara", "jane", "mary", "o"]);
        assert!(words("_%").is_empty());
    }
}
