//! Texts as they are stored and compared: one normal form, visible characters, and one spelling of each e-mail address.

use std::borrow::Cow;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

/// Invisible characters that Unicode does not list as ignorable: the empty braille pattern, the marks of interlinear
/// annotations, and the musical symbol without a head.
const INVISIBLE: [char; 5] = ['\u{2800}', '\u{FFF9}', '\u{FFFA}', '\u{FFFB}', '\u{1D159}'];

/// The text in Unicode's normal form C. After this, a letter with a combining accent and the same letter as a single
/// character are equal.
pub fn normalized(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// Whether a character is invisible and takes no space: zero-width spaces and joiners, byte order marks, soft hyphens,
/// fillers, bidi controls, tags and the like.
pub fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c) || INVISIBLE.contains(&c)
}

/// Whether a text has no visible character: it is empty, or consists of white space, control and invisible characters.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Latin letters that Unicode does not decompose, and that its collation tells from plain letters no more than it tells accents.
const PLAIN_LETTERS: [(char, &str); 8] =
    [('æ', "ae"), ('đ', "d"), ('ð', "d"), ('ħ', "h"), ('ł', "l"), ('ø', "o"), ('œ', "oe"), ('ß', "ss")];

/// A text in lower case, without invisible characters, and with plain Latin letters: in the order in which names are sorted, what
/// comes first of all texts that differ from it in these alone.
pub fn without_case_and_accents(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut after_latin = false;
    for c in DecomposingNormalizerBorrowed::new_nfkd().normalize(text).to_lowercase().chars() {
        // The combining marks of Latin letters. Other scripts' marks make letters of their own.
        if is_ignored(c) || after_latin && ('\u{300}'..='\u{36F}').contains(&c) {
            continue;
        }
        let plain = PLAIN_LETTERS.iter().find(|(letter, _)| *letter == c);
        after_latin = c.is_ascii_alphabetic() || plain.is_some();
        match plain {
            Some((_, plain)) => kept.push_str(plain),
            None => kept.push(c),
        }
    }
    normalized(&kept).into_owned()
}

/// Whether Unicode's collation looks at a character not at all. The fillers of Hangul are invisible and yet sorted.
fn is_ignored(c: char) -> bool {
    let is_filler = matches!(c, '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}');
    let is_sorted_control = matches!(c, '\t'..='\r' | '\u{85}');
    !is_filler && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || c.is_control() && !is_sorted_control
}

/// An e-mail address in the spelling in which users' addresses are stored and compared: lower case, normal form C.
///
/// A non-ASCII character never becomes an ASCII character. The Kelvin sign, whose lower case is `k`, stays as it is,
/// because an address with it is not the mailbox with a `k`. Nor does a dotted capital İ become an `i`. (CVE-2019-19844
/// came from confusing the two.)
pub fn folded_email(email: &str) -> String {
    piecewise(email, fold)
}

/// An e-mail address for storage where it is not used for lookups: in normal form C, with its letters unchanged. As in
/// [`folded_email`], a non-ASCII character never becomes an ASCII character.
pub fn normalized_email(email: &str) -> String {
    piecewise(email, |part| normalized(part).into_owned())
}

/// Applies `change` to the parts between the non-ASCII characters that folding would turn into ASCII.
fn piecewise(email: &str, change: impl Fn(&str) -> String) -> String {
    let mut changed = String::with_capacity(email.len());
    let mut rest = email;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| !c.is_ascii() && becomes_ascii(*c)) {
        changed.push_str(&change(&rest[..at]));
        changed.push(c);
        rest = &rest[at + c.len_utf8()..];
    }
    changed.push_str(&change(rest));
    changed
}

fn becomes_ascii(c: char) -> bool {
    fold(c.encode_utf8(&mut [0; 4])).is_ascii()
}

fn fold(text: &str) -> String {
    // Normalised first, so that a separate accent is part of its letter when the letter changes; and once more, because
    // lower-casing can decompose a letter.
    normalized(&normalized(text).to_lowercase()).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_without_visible_characters_is_blank_in_any_form() {
        for invisible in [
            "",
            " ",
            "\t",
            "\u{3000}",
            "\u{200B}",
            "\u{200C}",
            "\u{200D}",
            "\u{2060}",
            "\u{FEFF}",
            "\u{AD}",
            "\u{34F}",
            "\u{61C}",
            "\u{115F}",
            "\u{1160}",
            "\u{17B4}",
            "\u{180E}",
            "\u{200E}",
            "\u{202E}",
            "\u{2066}",
            "\u{2800}",
            "\u{3164}",
            "\u{FE0F}",
            "\u{FFA0}",
            "\u{FFF9}",
            "\u{1D173}",
            "\u{E0001}",
            "\u{E0041}",
            "\u{E0100}",
        ] {
            assert!(is_blank(invisible), "{}", invisible.escape_unicode());
            assert!(is_blank(&format!(" {invisible}\u{200B}{invisible} ")), "{}", invisible.escape_unicode());
            assert!(!is_blank(&format!("{invisible}a{invisible}")), "{}", invisible.escape_unicode());
        }
        for visible in ["a", "0", ".", "é", "\u{5D0}", "\u{627}", "中", "😀", "❤\u{FE0F}", "-"] {
            assert!(!is_blank(visible), "{}", visible.escape_unicode());
        }
    }

    #[test]
    fn one_mailbox_has_one_spelling() {
        for (written, kept) in [
            ("Ada@Example.COM", "ada@example.com"),
            ("ZO\u{CB}@x.test", "zo\u{EB}@x.test"),
            ("zoe\u{308}@x.test", "zo\u{EB}@x.test"),
            ("ZOE\u{308}@x.test", "zo\u{EB}@x.test"),
            ("ΝΊΚΟΣ@x.test", "νίκος@x.test"),
        ] {
            assert_eq!(folded_email(written), kept);
        }
    }

    #[test]
    fn different_mailboxes_stay_different() {
        for (other, ascii) in [
            ("FAR\u{130}D@x.test", "farid@x.test"),
            ("FARI\u{307}D@x.test", "farid@x.test"),
            ("far\u{131}d@x.test", "farid@x.test"),
            ("mar\u{212A}@x.test", "mark@x.test"),
            ("MAR\u{212A}@x.test", "mark@x.test"),
            ("\u{17F}am@x.test", "sam@x.test"),
            ("ada@x.test\u{37E}", "ada@x.test;"),
        ] {
            assert_ne!(folded_email(other), folded_email(ascii), "{}", other.escape_unicode());
        }
    }

    proptest! {
        #[test]
        fn folding_is_idempotent_and_creates_no_ascii(text in "\\PC{0,12}") {
            let folded = folded_email(&text);
            prop_assert_eq!(&folded_email(&folded), &folded);
            prop_assert_eq!(&folded_email(&normalized_email(&text)), &folded);
            if folded.is_ascii() {
                prop_assert!(text.is_ascii(), "{}", text.escape_unicode());
            }
        }

        #[test]
        fn every_spelling_has_the_same_normal_form(text in "\\PC{0,12}") {
            let taken_apart = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize(&text).into_owned();
            prop_assert_eq!(normalized(&taken_apart), normalized(&text));
        }
    }
}
