//! A message's text as a notification says it.

use pulldown_cmark::{Event, Options, Parser};

use crate::core::people::People;

/// Characters of a text that a notification shows: some lines on every system.
const CHARS: usize = 300;
/// Characters of a text that are looked at: marks, and mentions of 40 characters each, are more than what is read.
const LOOKED_AT: usize = 4_000;

/// A text with names in the place of mentions, without the marks of its Markdown, on one line.
pub(super) fn plain(text: &str, people: &People) -> String {
    let bound: String = text.chars().take(LOOKED_AT).collect();
    people.one_line(&without_marks(&bound), CHARS)
}

/// What Markdown makes of a text, as words; HTML is text, as everywhere in Parley.
fn without_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for event in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(words) | Event::Code(words) | Event::Html(words) | Event::InlineHtml(words) => {
                out.push_str(&words);
            }
            Event::End(tag) if is_inline(tag) => {}
            Event::SoftBreak | Event::HardBreak | Event::Rule | Event::End(_) => out.push(' '),
            Event::Start(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => {}
        }
    }
    out
}

fn is_inline(tag: pulldown_cmark::TagEnd) -> bool {
    use pulldown_cmark::TagEnd;
    matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_markdown_are_not_read_out() {
        let people = People::default();
        for (text, read) in [
            ("**Lunch** at _twelve_, ~~one~~?", "Lunch at twelve, one?"),
            ("Is it `a < b`?\n\n> quoted\n\n- one\n- two", "Is it a < b? quoted one two"),
            ("```rust\nlet a = 1;\n```", "let a = 1;"),
            ("[here](https://example.org)!", "here!"),
            ("<b>bold</b> & <script>alert(1)</script>", "<b>bold</b> & <script>alert(1)</script>"),
            ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
            ("hi <@everyone>", "hi @everyone"),
        ] {
            assert_eq!(plain(text, &people), read, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        let people = People::default();
        assert_eq!(plain(&"a".repeat(10_000), &people).chars().count(), CHARS);
        assert!(plain(&"*".repeat(10_000), &people).chars().count() <= CHARS);
        assert!(plain(&">".repeat(4_000), &people).chars().count() <= CHARS);
    }
}
