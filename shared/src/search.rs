//! The syntax of a search, the same on the relay and on a device:
//! `words "exact words" from:name in:room has:image before:2026-01-31`.
//!
//! - A bare word finds the words that begin with it, whatever the case and the accents. `"exact words"` finds these words in this order.
//! - `from:` and `in:` take a name or its beginning, in quotes when it has spaces; `from:me` is the one who asks. Several of one kind: any.
//! - `has:image`, `has:file`, `has:link`. Several: all.
//! - `before:`, `after:` and `on:` take a day as `2026-01-31`. `before` and `after` leave that day out.
//! - What has the look of a filter and is none is searched for as it stands.

use crate::ids::UnixMs;
use crate::limits::QUERY_CHARS;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    pub words: Vec<String>,
    pub phrases: Vec<String>,
    pub from: Vec<String>,
    pub rooms: Vec<String>,
    pub has: Vec<Has>,
    /// The first moment that is searched.
    pub since: Option<UnixMs>,
    /// The first moment that is not.
    pub until: Option<UnixMs>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Has {
    Image,
    File,
    Link,
}

impl SearchQuery {
    /// Reads at most [`QUERY_CHARS`] characters. `utc_offset_min` is how far the asker's clock is ahead of UTC: where their days begin.
    pub fn parse(text: &str, utc_offset_min: i32) -> Self {
        let mut query = Self::default();
        let end = text.char_indices().nth(QUERY_CHARS).map_or(text.len(), |(at, _)| at);
        for term in terms(&text[..end]) {
            query.take(term, utc_offset_min);
        }
        query
    }

    /// True when it asks for nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn take(&mut self, term: Term, utc_offset_min: i32) {
        let Term { filter, value, quoted } = term;
        if value.is_empty() {
            return;
        }
        let days = |range: fn(i64) -> (Option<i64>, Option<i64>)| {
            day(&value).map(|day| {
                let (since, until) = range(day);
                let at = |day: i64| UnixMs(day * DAY_MS - i64::from(utc_offset_min.clamp(-840, 840)) * 60_000);
                (since.map(at), until.map(at))
            })
        };
        let span = match filter.as_deref() {
            Some("from") => return self.from.push(value),
            Some("in") => return self.rooms.push(value),
            Some("has") => {
                if let Some(has) = has(&value) {
                    return self.has.push(has);
                }
                None
            }
            Some("before") => days(|day| (None, Some(day))),
            Some("after") => days(|day| (Some(day + 1), None)),
            Some("on") => days(|day| (Some(day), Some(day + 1))),
            Some(_) | None => None,
        };
        if let Some((since, until)) = span {
            self.since = self.since.max(since);
            self.until = [self.until, until].into_iter().flatten().min();
            return;
        }
        let text = filter.map_or(value.clone(), |filter| format!("{filter}:{value}"));
        if quoted { self.phrases.push(text) } else { self.words.push(text) }
    }
}

/// One piece of a query: `filter:value`, `filter:"value"`, `value` or `"value"`.
struct Term {
    filter: Option<String>,
    value: String,
    quoted: bool,
}

fn terms(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let filter = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .filter(|&at| at > 0 && rest[at..].starts_with(':'))
            .map(|at| rest[..at].to_ascii_lowercase());
        let value = &rest[filter.as_ref().map_or(0, |filter| filter.len() + 1)..];
        let (value, quoted, after) = match value.strip_prefix(QUOTES) {
            // An open quote is one that is still being typed.
            Some(inner) => match inner.find(QUOTES) {
                Some(end) => {
                    let quote = inner[end..].chars().next().map_or(1, char::len_utf8);
                    (&inner[..end], true, &inner[end + quote..])
                }
                None => (inner, true, ""),
            },
            None => {
                let end = value.find(char::is_whitespace).unwrap_or(value.len());
                (&value[..end], false, &value[end..])
            }
        };
        terms.push(Term { filter, value: value.trim().to_owned(), quoted });
        rest = after.trim_start();
    }
    terms
}

/// Typographic quotes count too: some keyboards give nothing else.
const QUOTES: [char; 5] = ['"', '\u{201c}', '\u{201d}', '\u{201e}', '\u{201f}'];
const DAY_MS: i64 = 86_400_000;

fn has(value: &str) -> Option<Has> {
    match value.to_ascii_lowercase().as_str() {
        "image" => Some(Has::Image),
        "file" => Some(Has::File),
        "link" => Some(Has::Link),
        _ => None,
    }
}

/// Days since 1970 of `2026-01-31` (H. Hinnant, "chrono-compatible low-level date algorithms").
fn day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-').map(|part| {
        let digits = !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok()).flatten()
    });
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1970..=9999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted / 400, shifted % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_of_term_is_understood() {
        let query =
            SearchQuery::parse(r#"budget from:mara in:"Product team" has:image before:2026-01-01 "exact words""#, 0);
        assert_eq!(query.words, ["budget"]);
        assert_eq!(query.phrases, ["exact words"]);
        assert_eq!(query.from, ["mara"]);
        assert_eq!(query.rooms, ["Product team"]);
        assert_eq!(query.has, [Has::Image]);
        assert_eq!(query.until, Some(UnixMs(1_767_225_600_000)));
    }

    #[test]
    fn days_begin_where_the_asker_is() {
        let korea = SearchQuery::parse("on:1970-01-02", 540);
        assert_eq!(korea.since, Some(UnixMs(DAY_MS - 9 * 3_600_000)));
        assert_eq!(korea.until, Some(UnixMs(2 * DAY_MS - 9 * 3_600_000)));
        assert_eq!(SearchQuery::parse("after:1970-01-01", 0).since, Some(UnixMs(DAY_MS)));
        let both = SearchQuery::parse("before:2024-03-01 before:2024-02-29", 0);
        assert_eq!(both.until, Some(UnixMs(19_782 * DAY_MS)));
    }

    #[test]
    fn what_is_no_filter_is_a_word() {
        let query = SearchQuery::parse("http://example.org has:wings before:tomorrow on:2026-02-30 10:30 from: hi", 0);
        assert_eq!(query.words, ["http://example.org", "has:wings", "before:tomorrow", "on:2026-02-30", "10:30", "hi"]);
        assert!(query.until.is_none() && query.from.is_empty());
    }

    #[test]
    fn an_open_quote_is_still_being_typed() {
        assert_eq!(SearchQuery::parse("\"exact wo", 0).phrases, ["exact wo"]);
        assert_eq!(SearchQuery::parse("„genau so“ x", 0).phrases, ["genau so"]);
        assert!(SearchQuery::parse("  \"\" ", 0).is_empty());
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(text in ".{0,300}", offset in any::<i32>()) {
            let query = SearchQuery::parse(&text, offset);
            prop_assert!(query.words.iter().chain(&query.phrases).all(|word| !word.is_empty()));
        }
    }
}
