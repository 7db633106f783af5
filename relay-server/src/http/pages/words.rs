//! The invite's page in the languages of the app.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
    German,
    Korean,
}

impl Language {
    pub const ALL: [Self; 3] = [Self::English, Self::German, Self::Korean];

    pub fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
            Self::Korean => &KOREAN,
        }
    }

    /// What an `Accept-Language` (RFC 9110, 12.5.4) likes best of what there is. English for whoever asks for none of them.
    pub fn best(asked: &str) -> Self {
        let mut best = (0.0, Self::English);
        for range in asked.split(',').take(20) {
            let (tag, weight) = range.split_once(";q=").unwrap_or((range, "1"));
            let primary = tag.trim().split('-').next().unwrap_or_default();
            let weight = weight.trim().parse::<f32>().unwrap_or(0.0);
            let known = Self::ALL.into_iter().find(|language| language.words().tag.eq_ignore_ascii_case(primary));
            if let Some(language) = known.filter(|_| weight > best.0) {
                best = (weight, language);
            }
        }
        best.1
    }
}

#[derive(Debug)]
pub struct Words {
    pub tag: &'static str,
    title: &'static str,
    lead: &'static str,
    open: &'static str,
    choose: &'static str,
    paste: &'static str,
    copy: &'static str,
    copied: &'static str,
    note: &'static str,
}

impl Words {
    /// The page with every `{{word}}` filled in.
    pub fn fill(&self, page: &str) -> String {
        let Self { tag, title, lead, open, choose, paste, copy, copied, note } = self;
        let words = [
            ("tag", tag),
            ("title", title),
            ("lead", lead),
            ("open", open),
            ("choose", choose),
            ("paste", paste),
            ("copy", copy),
            ("copied", copied),
            ("note", note),
        ];
        words.into_iter().fold(page.to_owned(), |page, (name, word)| page.replace(&format!("{{{{{name}}}}}"), word))
    }
}

const ENGLISH: Words = Words {
    tag: "en",
    title: "You are invited to Parley",
    lead: "Parley is an app for video calls and chat. Somebody sent you this link so that you can join them.",
    open: "Open Parley on your computer. If you do not have it, ask whoever invited you where to get it.",
    choose: "Choose “Join with a link”.",
    paste: "Paste this address:",
    copy: "Copy",
    copied: "Copied",
    note: "Whoever has this address can use the invite. Pass it on only to people who are meant to join.",
};

const GERMAN: Words = Words {
    tag: "de",
    title: "Einladung zu Parley",
    lead: "Parley ist ein Programm für Videoanrufe und Chat. Jemand hat dir diesen Link geschickt, damit du dabei sein kannst.",
    open: "Öffne Parley auf deinem Computer. Wenn du es nicht hast, frag die Person, die dich eingeladen hat, woher du es bekommst.",
    choose: "Wähle „Mit einem Link beitreten“.",
    paste: "Füge diese Adresse ein:",
    copy: "Kopieren",
    copied: "Kopiert",
    note: "Wer diese Adresse hat, kann die Einladung benutzen. Gib sie nur an Menschen weiter, die dabei sein sollen.",
};

const KOREAN: Words = Words {
    tag: "ko",
    title: "Parley 초대",
    lead: "Parley는 화상 통화와 채팅을 위한 앱입니다. 누군가 함께하자고 이 링크를 보냈습니다.",
    open: "컴퓨터에서 Parley를 여세요. 아직 없다면 초대한 사람에게 어디서 받을 수 있는지 물어보세요.",
    choose: "‘링크로 참여’를 선택하세요.",
    paste: "이 주소를 붙여 넣으세요:",
    copy: "복사",
    copied: "복사됨",
    note: "이 주소를 가진 사람은 누구나 초대를 사용할 수 있습니다. 함께할 사람에게만 전하세요.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_is_liked_best_is_taken() {
        for (asked, expected) in [
            ("", Language::English),
            ("de-AT,de;q=0.9,en;q=0.5", Language::German),
            ("fr, ko;q=0.8, de;q=0.7", Language::Korean),
            ("en;q=0.2, DE;q=0.3", Language::German),
            ("de;q=0, ko;q=0", Language::English),
            ("fr-FR", Language::English),
            (";;;q=,,de;q=x", Language::English),
            ("*", Language::English),
        ] {
            assert_eq!(Language::best(asked), expected, "{asked}");
        }
    }
}
