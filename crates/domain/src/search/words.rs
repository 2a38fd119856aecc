//! The words of a text, and the one spelling in which they are compared.
//!
//! A word is a run of letters and digits. Scripts that do not put spaces between words are cut into pairs of characters instead, which
//! finds every word of two characters or more without a dictionary.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, Script};

use crate::text::{is_invisible, normalized, without_case_and_accents};

/// The longest term, in characters. Of a longer word only the beginning counts.
const LONGEST: usize = 40;

const ZERO_WIDTH_SPACE: char = '\u{200B}';

/// A part of a text that can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its spelling for comparison.
    pub(super) term: String,
    /// Where it stands in the text, in bytes.
    pub(super) range: Range<usize>,
    /// How it was cut out of the text.
    pub(super) cut: Cut,
}

/// How a word was cut out of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Between what is neither a letter nor a digit.
    Whole,
    /// Two neighbours in a script without spaces.
    Pair,
    /// The last character of a run in such a script.
    Last,
}

/// The words of a text, in their order. They are cut out as they are asked for.
pub(super) fn words(text: &str) -> Words<'_> {
    Words { text, chars: text.char_indices().peekable(), before: None }
}

/// See [`words`].
pub(super) struct Words<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    /// The character before this one, in a run without spaces.
    before: Option<Range<usize>>,
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        loop {
            let (range, cut) = self.next_part()?;
            let term = folded(&self.text[range.clone()]);
            if !term.is_empty() {
                return Some(Word { term, range, cut });
            }
        }
    }
}

impl Words<'_> {
    fn next_part(&mut self) -> Option<(Range<usize>, Cut)> {
        if let Some(before) = self.before.take() {
            let Some((start, _)) = self.chars.next_if(|(_, c)| class(*c) == Class::Unspaced) else {
                return Some((before, Cut::Last));
            };
            let end = self.end_of(|class| class == Class::Mark);
            self.before = Some(start..end);
            return Some((before.start..end, Cut::Pair));
        }
        loop {
            let (start, c) = self.chars.next()?;
            match class(c) {
                Class::Letter => {
                    let end = self.end_of(|class| matches!(class, Class::Letter | Class::Mark));
                    return Some((start..end, Cut::Whole));
                }
                Class::Unspaced => {
                    let end = self.end_of(|class| class == Class::Mark);
                    self.before = Some(start..end);
                    return self.next_part();
                }
                Class::Mark | Class::Other => {}
            }
        }
    }

    /// Goes on as long as the characters are of these classes; gives where they end.
    fn end_of(&mut self, goes_on: fn(Class) -> bool) -> usize {
        while self.chars.next_if(|(_, c)| goes_on(class(*c))).is_some() {}
        self.chars.peek().map_or(self.text.len(), |(end, _)| *end)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A letter or digit of a script that puts spaces between words.
    Letter,
    /// A character of a script that does not.
    Unspaced,
    /// What belongs to the character before it: accents, vowel signs, joiners.
    Mark,
    Other,
}

fn class(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Class::Letter } else { Class::Other };
    }
    if digit(c).is_some() {
        return Class::Letter;
    }
    // It says where a line may be broken between two words.
    if c == ZERO_WIDTH_SPACE {
        return Class::Other;
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let is_mark = matches!(
        category,
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark
    );
    // The voiced marks of narrow katakana are letters to Unicode.
    if is_mark || is_invisible(c) || matches!(c, '\u{FF9E}' | '\u{FF9F}') {
        return Class::Mark;
    }
    if !c.is_alphanumeric() {
        return Class::Other;
    }
    match CodePointMapData::<Script>::new().get(c) {
        Script::Han
        | Script::Hiragana
        | Script::Katakana
        | Script::Bopomofo
        | Script::Thai
        | Script::Lao
        | Script::Khmer
        | Script::Myanmar
        | Script::Tibetan => Class::Unspaced,
        // The long vowel of both kana.
        _ if matches!(c, 'ー' | '\u{FF70}') => Class::Unspaced,
        _ => Class::Letter,
    }
}

/// The spelling in which words are compared: lower case, one form for each character, without what people leave out when they search:
/// accents of Latin and Greek letters, the dots of ё, vowel points of Hebrew and Arabic. The Turkish ı is an i.
fn folded(word: &str) -> String {
    let mut term = String::with_capacity(word.len());
    for c in word.chars().take(LONGEST) {
        match simple(c) {
            Some(c) => term.push(c),
            None => return folded_slowly(word),
        }
    }
    term
}

/// The spelling of a character that has nothing to be taken apart; `None` of all others.
fn simple(c: char) -> Option<char> {
    match c {
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        // Latin, Cyrillic, kana, Han, Hangul, and Thai without the vowel that is two and the marks that Unicode puts in an order.
        '0'..='9'
        | 'a'..='z'
        | 'а'..='я'
        | 'ぁ'..='ゖ'
        | 'ァ'..='ヺ'
        | 'ー'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{E01}'..='\u{E32}'
        | '\u{E34}'..='\u{E37}'
        | '\u{E40}'..='\u{E47}'
        | '\u{E4C}'..='\u{E4E}' => Some(c),
        _ => None,
    }
}

/// The value of a digit that is not one of ASCII's, as one of ASCII's.
fn digit(c: char) -> Option<char> {
    /// The zeros of the scripts of the Near East, India and South-East Asia.
    const ZEROS: [u32; 16] = [
        0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0, 0xF20, 0x1040,
        0x17E0,
    ];
    let code = u32::from(c);
    let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code))?;
    char::from_digit(code - zero, 10)
}

fn folded_slowly(word: &str) -> String {
    let plain = without_case_and_accents(word);
    let mut kept = String::with_capacity(plain.len());
    let mut base = ' ';
    for c in DecomposingNormalizerBorrowed::new_nfd().normalize(&plain).chars() {
        let is_accent = ('\u{300}'..='\u{36F}').contains(&c);
        let is_greek = ('\u{370}'..='\u{3FF}').contains(&base);
        if is_vowel_point(c) || is_accent && is_greek || c == '\u{308}' && base == 'е' {
            continue;
        }
        if !is_accent {
            base = c;
        }
        kept.push(match c {
            'ı' => 'i',
            'ς' => 'σ',
            c => digit(c).unwrap_or(c),
        });
    }
    normalized(&kept).chars().take(LONGEST).collect()
}

/// Whether this is one of the marks above and below letters that Hebrew and Arabic are mostly written without, or what makes an Arabic word
/// wider.
fn is_vowel_point(c: char) -> bool {
    let is_hebrew =
        matches!(c, '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}' | '\u{5C2}' | '\u{5C4}' | '\u{5C5}' | '\u{5C7}');
    is_hebrew || matches!(c, '\u{610}'..='\u{61A}' | '\u{640}' | '\u{64B}'..='\u{65F}' | '\u{670}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str) -> Vec<String> {
        words(text).map(|word| word.term).collect()
    }

    #[test]
    fn a_word_is_a_run_of_letters_and_digits() {
        assert_eq!(
            terms("Fix the log-in (v2.1) of ada@example.com!"),
            ["fix", "the", "log", "in", "v2", "1", "of", "ada", "example", "com"]
        );
        assert_eq!(terms("snake_case l'été\tDON'T 🎉 —"), ["snake", "case", "l", "ete", "don", "t"]);
        assert_eq!(terms(" \u{200B} ½ ① "), ["1⁄2", "1"]);
    }

    #[test]
    fn case_accents_and_forms_make_no_difference() {
        for (written, same) in [
            ("İSTANBUL", "istanbul"),
            ("ISPARTA", "ısparta"),
            ("çığ", "CIG"),
            ("Müller", "MULLER"),
            ("Straße", "STRASSE"),
            ("Zoe\u{308}", "zoë"),
            ("Åsa Łukasz", "asa lukasz"),
            ("ΝΊΚΟΣ", "νικος"),
            ("Артём", "артем"),
            ("ＡＢＣ１２", "abc12"),
            ("ﬁle", "file"),
            ("ｶﾞｲﾄﾞ", "ガイド"),
            ("か\u{3099}", "が"),
            ("שָׁלוֹם", "שלום"),
            ("مُحَمَّد", "محمد"),
            ("أحمد", "احمد"),
            ("soft\u{AD}ware", "software"),
            ("२०२६ ٢٠٢٦ ๒๐๒๖", "2026 2026 2026"),
            ("foo\u{200B}bar", "foo bar"),
            ("क\u{200D}्ष", "क्ष"),
        ] {
            assert_eq!(terms(written), terms(same), "{written}");
            assert!(!terms(written).is_empty(), "{written}");
        }
        for (one, other) in [("й", "и"), ("か", "が"), ("हिन्दी", "हनद"), ("ñandú", "nandus")] {
            assert_ne!(terms(one), terms(other), "{one}");
        }
    }

    #[test]
    fn marks_stay_in_their_word() {
        // A vowel below and a tone above, typed in either order.
        assert_eq!(terms("ก\u{E38}\u{E48}"), terms("ก\u{E48}\u{E38}"));
        assert_eq!(terms("हिन्दी में खोज"), ["हिन्दी", "में", "खोज"]);
        assert_eq!(terms("தமிழ் மொழி"), ["தமிழ்", "மொழி"]);
    }

    #[test]
    fn scripts_without_spaces_are_cut_into_pairs() {
        assert_eq!(terms("東京都の会議"), ["東京", "京都", "都の", "の会", "会議", "議"]);
        assert_eq!(terms("サーバー移行v2"), ["サー", "ーバ", "バー", "ー移", "移行", "行", "v2"]);
        assert_eq!(terms("ประชุม"), ["ปร", "ระ", "ะชุ", "ชุม", "ม"]);
        assert_eq!(terms("서울 회의"), ["서울", "회의"]);
    }

    #[test]
    fn of_a_long_word_the_beginning_counts() {
        assert_eq!(terms(&"é".repeat(100)), ["e".repeat(LONGEST)]);
    }

    proptest! {
        /// What is spelled without taking it apart is spelled as if it were.
        #[test]
        fn the_quick_way_ends_where_the_slow_one_does(word in "[a-zA-Z0-9а-яА-Яぁ-ゖァ-ヺ一-龥가-힣ก-ฺเ-๎]{1,12}") {
            prop_assert_eq!(folded(&word), folded_slowly(&word));
        }

        #[test]
        fn a_word_stands_where_it_says(text in "\\PC{0,40}") {
            let mut before = 0;
            for word in words(&text) {
                prop_assert!(word.range.start >= before && word.range.end <= text.len());
                prop_assert!(text.get(word.range.clone()).is_some_and(|part| !part.is_empty()));
                prop_assert!(!word.term.is_empty());
                before = word.range.start;
            }
        }

        #[test]
        fn a_term_is_its_own_spelling(text in "[a-zA-ZÀ-žα-ωΑ-Ωа-яА-Яא-ת]{1,12}") {
            for word in words(&text) {
                prop_assert_eq!(folded(&word.term), word.term);
            }
        }
    }
}
