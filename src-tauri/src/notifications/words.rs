//! What others wrote, made fit for the system's own windows.

const TITLE_CHARS: usize = 120;
const BODY_CHARS: usize = 500;
const LABEL_CHARS: usize = 60;

/// On one line.
pub fn title(text: &str) -> String {
    line(text, TITLE_CHARS)
}

pub fn label(text: &str) -> String {
    line(text, LABEL_CHARS)
}

pub fn body(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !is_hidden(*c)).take(BODY_CHARS).collect()
}

/// For services that read markup in bodies: all of it is text.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
    out
}

fn line(text: &str, chars: usize) -> String {
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_hidden(*c)).take(chars).collect()
}

/// Controls, and those that turn the direction of what follows: a name must not rearrange the words around it.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(escaped("<b>&amp;</b> \"'"), "&lt;b&gt;&amp;amp;&lt;/b&gt; &quot;&apos;");
    }

    #[test]
    fn controls_and_turns_of_direction_are_left_out() {
        assert_eq!(title("A\u{0}n\u{1b}[1ma\u{202e}\nof\tX"), "An[1ma of X");
        assert_eq!(body("one\ntwo\u{7}\u{2066}\r"), "one\ntwo");
        assert_eq!(title("👩\u{200d}👩"), "👩\u{200d}👩", "joined emoji stay");
    }

    #[test]
    fn everything_is_bounded() {
        let long = "ö".repeat(10_000);
        let chars = |text: String| text.chars().count();
        assert_eq!((chars(title(&long)), chars(body(&long)), chars(label(&long))), (120, 500, 60));
    }
}
