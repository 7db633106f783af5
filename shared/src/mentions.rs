//! Mentions in a message's text: `<@user-id>` for a person, `<@everyone>` for all members.

use std::ops::Range;

use crate::ids::UserId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    Person(UserId),
    Everyone,
}

/// The mentions of a text and where they stand, in bytes, in order. Whatever only looks like one is text.
pub fn mentions(text: &str) -> Vec<(Range<usize>, Mention)> {
    text.match_indices("<@")
        .filter_map(|(start, mark)| {
            let inner = &text[start + mark.len()..];
            let length = inner.bytes().take(WORD_BYTES + 1).position(|byte| byte == b'>')?;
            let mention = match &inner[..length] {
                EVERYONE => Mention::Everyone,
                id if id.len() == WORD_BYTES => Mention::Person(id.parse().ok()?),
                _ => return None,
            };
            Some((start..start + mark.len() + length + 1, mention))
        })
        .collect()
}

/// The text as people read and search it: each mention replaced by `@` and what `name` says.
pub fn readable(text: &str, mut name: impl FnMut(Mention) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for (range, mention) in mentions(text) {
        out.push_str(&text[end..range.start]);
        out.push('@');
        out.push_str(&name(mention));
        end = range.end;
    }
    out.push_str(&text[end..]);
    out
}

/// Whether a text mentions a person, by their id or with everyone.
pub fn mentions_person(text: &str, user_id: UserId) -> bool {
    mentions(text).into_iter().any(|(_, mention)| match mention {
        Mention::Person(id) => id == user_id,
        Mention::Everyone => true,
    })
}

const EVERYONE: &str = "everyone";
/// A hyphenated UUID.
const WORD_BYTES: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn people_and_everyone_are_found_where_they_stand() {
        let text = format!("ping <@{ID}>, <@everyone>!");
        let id = ID.parse().unwrap();
        assert_eq!(mentions(&text), [(5..44, Mention::Person(id)), (46..57, Mention::Everyone)]);
        assert!(mentions_person(&text, id));
        assert!(!mentions_person("hi", id));
    }

    #[test]
    fn what_only_looks_like_a_mention_is_text() {
        for text in ["<@>", "<@me>", "<@", "<@everyone", "a <@ü> b", &format!("<@{}x>", &ID[1..]), "<@<@everyone"] {
            assert!(mentions(text).is_empty(), "{text}");
        }
        assert_eq!(mentions("<@<@everyone>").len(), 1);
    }

    #[test]
    fn a_readable_text_has_names() {
        let name = |mention| match mention {
            Mention::Person(_) => "Mara".to_owned(),
            Mention::Everyone => "everyone".to_owned(),
        };
        assert_eq!(readable(&format!("a <@{ID}>b<@everyone>"), name), "a @Marab@everyone");
    }
}
