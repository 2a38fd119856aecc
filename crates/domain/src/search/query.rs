//! What is looked for.

use super::words::{Cut, words};

/// The longest text that is looked for, in characters.
pub const MAX_QUERY: usize = 200;

/// The most words that are looked for. What comes behind them is left out.
const MAX_WORDS: usize = 12;

/// Whether a term stands for all words that begin so: two letters do, and one of a script whose letters are syllables. What is shorter is
/// looked for as it is.
fn may_begin_a_word(term: &str) -> bool {
    const FIRST_OF_INDIA: char = '\u{900}';
    let mut chars = term.chars();
    chars.next().is_some_and(|first| first >= FIRST_OF_INDIA) || chars.next().is_some()
}

/// What is looked for: rows that have all of these words. The last one may be only the beginning of a word.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    words: Vec<Sought>,
}

/// A word that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sought {
    /// The word in the spelling of the index.
    pub term: String,
    /// Whether it may be only the beginning of a word.
    pub is_beginning: bool,
}

impl Query {
    /// What a person who types this looks for.
    pub fn of(text: &str) -> Self {
        let found: Vec<_> = words(text).collect();
        let mut sought: Vec<Sought> = Vec::new();
        for (n, word) in found.iter().enumerate() {
            let follows_pair = n > 0 && found[n - 1].cut == Cut::Pair;
            let is_last = n + 1 == found.len();
            let is_beginning = match word.cut {
                Cut::Whole => is_last && may_begin_a_word(&word.term),
                Cut::Pair => false,
                // It is in the pair before it. Alone, it may be the first character of any pair.
                Cut::Last if follows_pair => continue,
                Cut::Last => true,
            };
            let new = Sought { term: word.term.clone(), is_beginning };
            if sought.len() < MAX_WORDS && !sought.contains(&new) {
                sought.push(new);
            }
        }
        Self { words: sought }
    }

    /// The words, each once; none for a text without words.
    pub fn words(&self) -> &[Sought] {
        &self.words
    }

    /// Whether this term is one of those that are looked for.
    pub(super) fn finds(&self, term: &str) -> bool {
        self.words.iter().any(|word| word.term == term || word.is_beginning && term.starts_with(&word.term))
    }
}

impl Sought {
    /// The first and the last term that it stands for, compared byte by byte.
    pub fn range(&self) -> (&str, String) {
        let last = if self.is_beginning { format!("{}{}", self.term, char::MAX) } else { self.term.clone() };
        (&self.term, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sought(text: &str) -> Vec<(String, bool)> {
        Query::of(text).words.into_iter().map(|word| (word.term, word.is_beginning)).collect()
    }

    fn is(words: &[(&str, bool)]) -> Vec<(String, bool)> {
        words.iter().map(|(word, is_beginning)| ((*word).to_owned(), *is_beginning)).collect()
    }

    #[test]
    fn the_last_word_may_be_a_beginning() {
        assert_eq!(sought("Fix the LOG"), is(&[("fix", false), ("the", false), ("log", true)]));
        assert_eq!(sought("log log"), is(&[("log", false), ("log", true)]));
        assert_eq!(sought("plan b"), is(&[("plan", false), ("b", false)]));
        assert_eq!(sought("план б"), is(&[("план", false), ("б", false)]));
        assert_eq!(sought("서울 회"), is(&[("서울", false), ("회", true)]));
        assert_eq!(sought(" … "), is(&[]));
    }

    #[test]
    fn a_single_character_of_a_script_without_spaces_is_a_beginning_wherever_it_stands() {
        assert_eq!(sought("東京都"), is(&[("東京", false), ("京都", false)]));
        assert_eq!(sought("都 会議"), is(&[("都", true), ("会議", false)]));
    }

    #[test]
    fn so_many_words_count_and_no_more() {
        let text = (0..40).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(sought(&text).len(), MAX_WORDS);
    }

    #[test]
    fn a_range_holds_what_begins_so() {
        let beginning = Sought { term: "lo".into(), is_beginning: true };
        let (first, last) = beginning.range();
        for term in ["lo", "log", "lo\u{FFFF}", "loé"] {
            assert!(first <= term && term <= last.as_str(), "{term}");
        }
        assert!("lp" > last.as_str() && "ln" < first);
        let whole = Sought { term: "lo".into(), is_beginning: false };
        assert_eq!(whole.range(), ("lo", "lo".to_owned()));
    }
}
