//! Texts as people write them, for histories that are searched: a few words are everywhere, most are rare.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Different words.
const WORDS: f64 = 50_000.0;
const SYLLABLES: [&str; 20] = [
    "ba", "ko", "ri", "sen", "tu", "la", "mo", "ne", "pi", "dar", "gu", "fe", "shi", "wol", "ja", "ka", "ter", "ven",
    "xo", "zi",
];

/// A seeded writer.
#[derive(Debug)]
pub struct Writer(StdRng);

impl Writer {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A number below `count`; the n-th comes as often as Zipf says, with a frequency of 1/n.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and the count")]
    pub fn rank(&mut self, count: f64) -> usize {
        count.powf(self.0.random::<f64>()) as usize - 1
    }

    pub fn word(&mut self) -> String {
        let rank = self.rank(WORDS);
        let mut rest = rank + 7;
        let mut word = String::new();
        while rest > 0 {
            word.push_str(SYLLABLES[rest % SYLLABLES.len()]);
            rest /= SYLLABLES.len();
        }
        word
    }

    /// Three to nineteen words.
    pub fn text(&mut self) -> String {
        let count = self.0.random_range(3..20);
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    /// What somebody has typed of a word: two letters of it or more.
    pub fn typed(&mut self) -> String {
        let word = self.word();
        let letters = self.0.random_range(2..=word.len().max(2));
        word.chars().take(letters).collect()
    }

    pub fn below(&mut self, count: u64) -> u64 {
        self.0.random_range(0..count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_words_are_everywhere_and_most_are_rare() {
        let mut writer = Writer::new(1);
        let ranks: Vec<usize> = (0..10_000).map(|_| writer.rank(WORDS)).collect();
        let common = ranks.iter().filter(|rank| **rank < 100).count();
        assert!((3_000..6_000).contains(&common), "{common} of 10,000 words are among the hundred most common");
        assert!(ranks.iter().all(|rank| *rank < WORDS as usize));
    }
}
