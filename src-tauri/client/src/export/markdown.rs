//! A message's Markdown as HTML: emphasis, code, quotes, lists and addresses of the web and of mail. Whatever else it holds, HTML
//! above all, is text.

use parley_shared::mentions::{Mention, mentions};
use pulldown_cmark::{Event, Options, Parser, Tag, TextMergeStream};

use super::escape::escape;

/// A relay takes 4,000 characters of at most four bytes.
const TEXT_BYTES: usize = 64 * 1024;
/// What nests deeper is drawn at this depth.
const DEPTH: usize = 16;

/// Appends a text; `name` says what a mention is read as, without its `@`.
pub(super) fn render(text: &str, name: impl Fn(Mention) -> String, out: &mut String) {
    let mut end = text.len().min(TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut renderer = Renderer { out, name, open: Vec::new(), links: 0, in_code: false };
    for event in TextMergeStream::new(Parser::new_ext(&text[..end], Options::ENABLE_STRIKETHROUGH)) {
        renderer.event(event);
    }
}

struct Renderer<'a, N> {
    out: &'a mut String,
    name: N,
    /// How each tag that was begun ends.
    open: Vec<&'static str>,
    links: usize,
    in_code: bool,
}

const LINK_END: &str = "</a>";

impl<N: Fn(Mention) -> String> Renderer<'_, N> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(_) => self.end(),
            Event::Text(text) if self.in_code => escape(&text, self.out),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                self.out.push_str("<code>");
                escape(&code, self.out);
                self.out.push_str("</code>");
            }
            Event::Html(html) | Event::InlineHtml(html) => escape(&html, self.out),
            // As in the app, a line ends where it was ended.
            Event::SoftBreak | Event::HardBreak => self.out.push_str("<br>"),
            Event::Rule => self.out.push_str("<hr>"),
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => self.text(&text),
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        let deep = self.open.len() >= DEPTH;
        let (begin, end) = match tag {
            Tag::Link { dest_url, .. } if self.links == 0 && is_safe(dest_url) => {
                self.begin_link(dest_url);
                return self.open.push(LINK_END);
            }
            Tag::CodeBlock(_) => {
                self.in_code = true;
                ("<pre><code>", "</code></pre>")
            }
            _ if deep => ("", ""),
            Tag::Paragraph | Tag::HtmlBlock => ("<p>", "</p>"),
            Tag::Heading { .. } => ("<p><strong>", "</strong></p>"),
            Tag::BlockQuote(_) => ("<blockquote>", "</blockquote>"),
            Tag::List(Some(first)) => {
                self.out.push_str(&format!("<ol start=\"{first}\">"));
                ("", "</ol>")
            }
            Tag::List(None) => ("<ul>", "</ul>"),
            Tag::Item => ("<li>", "</li>"),
            Tag::Emphasis => ("<em>", "</em>"),
            Tag::Strong => ("<strong>", "</strong>"),
            Tag::Strikethrough => ("<s>", "</s>"),
            // An image is the words that stand for it: nothing is fetched when a page is read.
            _ => ("", ""),
        };
        self.out.push_str(begin);
        self.open.push(end);
    }

    fn end(&mut self) {
        let Some(end) = self.open.pop() else { return };
        if end == LINK_END {
            self.links -= 1;
        }
        self.in_code = false;
        self.out.push_str(end);
    }

    fn begin_link(&mut self, url: &str) {
        self.out.push_str("<a href=\"");
        escape(url, self.out);
        self.out.push_str("\" rel=\"noopener noreferrer\">");
        self.links += 1;
    }

    fn text(&mut self, text: &str) {
        let mut end = 0;
        for (range, mention) in mentions(text) {
            self.plain(&text[end..range.start]);
            self.out.push_str("<bdi class=\"mention\">@");
            escape(&(self.name)(mention), self.out);
            self.out.push_str("</bdi>");
            end = range.end;
        }
        self.plain(&text[end..]);
    }

    /// Text without mentions; addresses in it are links.
    fn plain(&mut self, text: &str) {
        if self.links > 0 {
            return escape(text, self.out);
        }
        let mut rest = text;
        while let Some((before, url)) = next_address(rest) {
            escape(before, self.out);
            self.begin_link(url);
            escape(url, self.out);
            self.out.push_str(LINK_END);
            self.links -= 1;
            rest = &rest[before.len() + url.len()..];
        }
        escape(rest, self.out);
    }
}

/// What stands before the first address, and the address.
fn next_address(text: &str) -> Option<(&str, &str)> {
    let starts = ["https://", "http://"].into_iter().filter_map(|scheme| text.find(scheme));
    let start = starts.min()?;
    let (before, from) = text.split_at(start);
    let ends = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '\'' | '`');
    let end = from.find(ends).unwrap_or(from.len());
    let url = from[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '*', '_', '~']);
    // A scheme alone leads nowhere, and the text goes on behind it.
    (url.len() > "https://".len() && is_safe(url)).then_some((before, url))
}

fn is_safe(url: &str) -> bool {
    let begins = |scheme: &str| url.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    ["https://", "http://", "mailto:"].into_iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn html(text: &str) -> String {
        let mut out = String::new();
        render(text, |_| "Mi<b>na".to_owned(), &mut out);
        out
    }

    #[test]
    fn what_the_app_shows_is_shown() {
        for (text, shown) in [
            ("a *b* **c** ~~d~~ `<e>`", "<p>a <em>b</em> <strong>c</strong> <s>d</s> <code>&lt;e&gt;</code></p>"),
            ("one\ntwo", "<p>one<br>two</p>"),
            ("> said", "<blockquote><p>said</p></blockquote>"),
            ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
            ("3. a", "<ol start=\"3\"><li>a</li></ol>"),
            ("```js\nlet a = '<@everyone>'\n```", "<pre><code>let a = &#39;&lt;@everyone&gt;&#39;\n</code></pre>"),
            ("hi <@everyone>!", "<p>hi <bdi class=\"mention\">@Mi&lt;b&gt;na</bdi>!</p>"),
            (
                "see https://example.org/a?b=c&d.",
                "<p>see <a href=\"https://example.org/a?b=c&amp;d\" rel=\"noopener noreferrer\">https://example.org/a?b=c&amp;d</a>.</p>",
            ),
            ("[x](https://example.org)", "<p><a href=\"https://example.org\" rel=\"noopener noreferrer\">x</a></p>"),
        ] {
            assert_eq!(html(text), shown, "{text}");
        }
    }

    #[test]
    fn html_is_text_and_nothing_is_fetched_or_run() {
        for (text, shown) in [
            ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
            ("a <img src=x onerror=alert(1)> b", "<p>a &lt;img src=x onerror=alert(1)&gt; b</p>"),
            ("[x](javascript:alert(1))", "<p>x</p>"),
            ("[x](  data:text/html,hi)", "<p>x</p>"),
            ("<javascript:alert(1)>", "<p>javascript:alert(1)</p>"),
            ("![a cat](https://example.org/cat.png)", "<p>a cat</p>"),
            ("http://", "<p>http://</p>"),
        ] {
            assert_eq!(html(text), shown, "{text}");
        }
        let quoted = html("[x](https://a.example/\"onmouseover=alert(1))");
        assert!(!quoted.contains("\"onmouseover"), "{quoted}");
    }

    #[test]
    fn deep_nesting_and_long_texts_stay_small() {
        let deep = html(&"> ".repeat(5_000));
        assert!(deep.matches("<blockquote>").count() <= DEPTH, "{deep}");
        let long = html(&"ü".repeat(1_000_000));
        assert!(long.len() <= TEXT_BYTES + 100);
        assert!(html(&"[".repeat(4_000)).len() < 100_000);
    }

    /// Every tag that may be in a page, as it begins.
    const TAGS: [&str; 30] = [
        "<p>",
        "</p>",
        "<br>",
        "<hr>",
        "<em>",
        "</em>",
        "<strong>",
        "</strong>",
        "<s>",
        "</s>",
        "<code>",
        "</code>",
        "<pre>",
        "</pre>",
        "<blockquote>",
        "</blockquote>",
        "<ul>",
        "</ul>",
        "<ol start=\"",
        "</ol>",
        "<li>",
        "</li>",
        "<a href=\"https://",
        "<a href=\"http://",
        "<a href=\"mailto:",
        "<a href=\"HTTP",
        "</a>",
        "<bdi class=\"mention\">@",
        "</bdi>",
        "<a href=\"M",
    ];

    proptest! {
        #[test]
        fn every_tag_of_any_text_is_one_of_ours(text in r#"([<>"'&`*_~\[\]()!#\-\n\\ ]|<script>|<@everyone>|javascript:|https?://|data:|!\[|[a-z]{1,3}|\PC){0,60}"#) {
            let html = html(&text);
            for (at, _) in html.match_indices('<') {
                prop_assert!(TAGS.iter().any(|tag| html[at..].starts_with(tag)), "{}", &html[at..]);
            }
            for (begin, end) in [("<a ", "</a>"), ("<li>", "</li>"), ("<blockquote>", "</blockquote>"), ("<p>", "</p>")] {
                prop_assert_eq!(html.matches(begin).count(), html.matches(end).count());
            }
        }
    }
}
