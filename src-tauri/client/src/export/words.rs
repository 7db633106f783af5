//! The few words between the messages of a page, in the languages of the app.

use jiff::Zoned;
use jiff::civil::Weekday;
use parley_shared::wire::CallOutcome;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    English,
    German,
    Korean,
}

use Words::{English, German, Korean};

impl Words {
    /// By a BCP 47 tag; English when the app has no other.
    pub fn of(language: &str) -> Self {
        match language.split('-').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "de" => German,
            "ko" => Korean,
            _ => English,
        }
    }

    fn of_three<T>(self, english: T, german: T, korean: T) -> T {
        match self {
            English => english,
            German => german,
            Korean => korean,
        }
    }

    pub fn tag(self) -> &'static str {
        self.of_three("en", "de", "ko")
    }

    pub fn exported(self, at: &str) -> String {
        self.of_three(
            format!("Exported from Parley on {at}"),
            format!("Aus Parley exportiert am {at}"),
            format!("{at}에 Parley에서 내보냄"),
        )
    }

    pub fn incomplete(self) -> &'static str {
        self.of_three(
            "The relay could not be reached. This page holds only what the exporting device had kept.",
            "Das Relay war nicht erreichbar. Diese Seite enthält nur, was das exportierende Gerät gespeichert hatte.",
            "릴레이에 연결할 수 없었습니다. 이 페이지에는 내보낸 기기에 저장된 내용만 있습니다.",
        )
    }

    pub fn members(self, count: usize) -> String {
        self.of_three(format!("Members: {count}"), format!("Mitglieder: {count}"), format!("구성원: {count}"))
    }

    pub fn unknown_person(self) -> &'static str {
        self.of_three("Unknown person", "Unbekannte Person", "알 수 없는 사람")
    }

    pub fn edited(self) -> &'static str {
        self.of_three("edited", "bearbeitet", "수정됨")
    }

    pub fn pinned(self) -> &'static str {
        self.of_three("pinned", "angeheftet", "고정됨")
    }

    pub fn deleted(self) -> &'static str {
        self.of_three("This message was deleted.", "Diese Nachricht wurde gelöscht.", "삭제된 메시지입니다.")
    }

    pub fn gone(self) -> &'static str {
        self.of_three("Message is not available", "Nachricht nicht verfügbar", "메시지를 볼 수 없음")
    }

    pub fn in_thread(self) -> &'static str {
        self.of_three("In the thread:", "Im Thread:", "스레드:")
    }

    pub fn replies(self, count: u32) -> String {
        match (self, count) {
            (English, 1) => "1 reply in the thread".to_owned(),
            (English, count) => format!("{count} replies in the thread"),
            (German, 1) => "1 Antwort im Thread".to_owned(),
            (German, count) => format!("{count} Antworten im Thread"),
            (Korean, count) => format!("스레드 답글 {count}개"),
        }
    }

    pub fn call(self, outcome: CallOutcome, duration_s: u32) -> String {
        let (minutes, seconds) = (duration_s / 60, duration_s % 60);
        let length = if minutes >= 60 {
            format!("{}:{:02}:{seconds:02}", minutes / 60, minutes % 60)
        } else {
            format!("{minutes}:{seconds:02}")
        };
        match outcome {
            CallOutcome::Completed => {
                self.of_three(format!("Call, {length}"), format!("Anruf, {length}"), format!("통화, {length}"))
            }
            CallOutcome::Missed => self.of_three("Missed call", "Verpasster Anruf", "부재중 통화").to_owned(),
            CallOutcome::Declined => self.of_three("Declined call", "Abgelehnter Anruf", "거절된 통화").to_owned(),
            CallOutcome::Busy => self.of_three("Call: the line was busy", "Anruf: besetzt", "통화: 통화 중").to_owned(),
            CallOutcome::Unreachable => self
                .of_three("Call: nobody was reached", "Anruf: niemand erreichbar", "통화: 연결할 수 없음")
                .to_owned(),
        }
    }

    pub fn everyone(self) -> &'static str {
        self.of_three("everyone", "alle", "모두")
    }

    /// A day as a heading.
    pub fn day(self, at: &Zoned) -> String {
        let (year, month, day) = (at.year(), usize::from(at.month().unsigned_abs()), at.day());
        let weekday = WEEKDAYS[index(at.weekday())];
        let month_name = MONTHS[month.clamp(1, 12) - 1];
        match self {
            English => format!("{}, {day} {} {year}", weekday[0], month_name[0]),
            German => format!("{}, {day}. {} {year}", weekday[1], month_name[1]),
            Korean => format!("{year}년 {month}월 {day}일 {}", weekday[2]),
        }
    }

    /// A size as files have it.
    pub fn size(self, bytes: u64) -> String {
        let point = self.of_three('.', ',', '.');
        let (unit, name) = match bytes {
            0..1_000 => return format!("{bytes} B"),
            1_000..1_000_000 => (1_000, "kB"),
            1_000_000..1_000_000_000 => (1_000_000, "MB"),
            _ => (1_000_000_000, "GB"),
        };
        format!("{}{point}{} {name}", bytes / unit, bytes % unit * 10 / unit)
    }
}

fn index(weekday: Weekday) -> usize {
    usize::from(weekday.to_monday_zero_offset().unsigned_abs()).min(6)
}

const WEEKDAYS: [[&str; 3]; 7] = [
    ["Monday", "Montag", "월요일"],
    ["Tuesday", "Dienstag", "화요일"],
    ["Wednesday", "Mittwoch", "수요일"],
    ["Thursday", "Donnerstag", "목요일"],
    ["Friday", "Freitag", "금요일"],
    ["Saturday", "Samstag", "토요일"],
    ["Sunday", "Sonntag", "일요일"],
];

const MONTHS: [[&str; 2]; 12] = [
    ["January", "Januar"],
    ["February", "Februar"],
    ["March", "März"],
    ["April", "April"],
    ["May", "Mai"],
    ["June", "Juni"],
    ["July", "Juli"],
    ["August", "August"],
    ["September", "September"],
    ["October", "Oktober"],
    ["November", "November"],
    ["December", "Dezember"],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_named_in_each_language() {
        let day = jiff::civil::date(2026, 11, 27).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        assert_eq!(Words::of("en-GB").day(&day), "Friday, 27 November 2026");
        assert_eq!(Words::of("de").day(&day), "Freitag, 27. November 2026");
        assert_eq!(Words::of("ko-KR").day(&day), "2026년 11월 27일 금요일");
        assert_eq!(Words::of("system"), English);
    }

    #[test]
    fn sizes_and_lengths_are_short() {
        assert_eq!(English.size(999), "999 B");
        assert_eq!(German.size(1_250_000), "1,2 MB");
        assert_eq!(English.call(CallOutcome::Completed, 3_725), "Call, 1:02:05");
        assert_eq!(English.call(CallOutcome::Completed, 65), "Call, 1:05");
    }
}
