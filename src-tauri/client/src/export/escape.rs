//! Text inside of HTML.

/// Appends a text so that it stands as it is in an element or in a quoted attribute. Control characters are U+FFFD: HTML knows no
/// way to write them.
pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\r' => {}
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_ends_an_element_or_an_attribute(text in any::<String>()) {
            let escaped = escaped(&text);
            let harmless = !escaped.contains(['<', '>', '"', '\'', '\0', '\u{1b}']);
            prop_assert!(harmless);
            let back = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
            let plain: String = text.chars().filter(|c| *c != '\r').map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect();
            prop_assert_eq!(back, plain);
        }
    }
}
