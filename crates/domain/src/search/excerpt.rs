//! Where a text has what was looked for.

use std::ops::Range;

use super::query::Query;
use super::words::words;

/// The longest excerpt of a text, in characters, without what stands for the rest.
const LONGEST: usize = 198;

/// How much of it may stand in front of the first word that was found, in characters.
const BEFORE: usize = 40;

/// A part of an excerpt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The text, as it is written.
    pub text: String,
    /// Whether this is what was looked for.
    pub is_match: bool,
}

impl Query {
    /// An excerpt of the text around the first word that was looked for, at most 200 characters long. One put together is the text as it
    /// is written, with `…` where something was left out. Empty if the text has none of the words.
    pub fn excerpt(&self, text: &str) -> Vec<Fragment> {
        let mut found = words(text).filter(|word| self.finds(&word.term)).map(|word| word.range).peekable();
        let Some(first) = found.peek() else { return Vec::new() };
        let shown = shown(text, first);
        // Those that touch are one.
        let mut matches: Vec<Range<usize>> = Vec::new();
        for range in found.take_while(|range| range.start < shown.end) {
            match matches.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => matches.push(range),
            }
        }
        let mut fragments = Vec::new();
        let mut push = |text: &str, is_match: bool| {
            if !text.is_empty() {
                fragments.push(Fragment { text: text.to_owned(), is_match });
            }
        };
        if shown.start > 0 {
            push("…", false);
        }
        let mut at = shown.start;
        for found in &matches {
            let end = found.end.min(shown.end);
            push(&text[at..found.start], false);
            push(&text[found.start..end], true);
            at = end;
        }
        push(&text[at..shown.end], false);
        if shown.end < text.len() {
            push("…", false);
        }
        fragments
    }
}

/// The part of the text that is shown.
fn shown(text: &str, first: &Range<usize>) -> Range<usize> {
    let before = text[..first.start].char_indices().rev().take(BEFORE).last().map_or(first.start, |(n, _)| n);
    let start = if text[..before].is_empty() { 0 } else { after_white_space(text, before..first.start) };
    let end = text[start..].char_indices().nth(LONGEST).map_or(text.len(), |(n, _)| start + n);
    start..end
}

/// Behind the first white space in this part; its start if there is none.
fn after_white_space(text: &str, part: Range<usize>) -> usize {
    let inside = &text[part.clone()];
    let space = inside.char_indices().find(|(_, c)| c.is_whitespace());
    space.map_or(part.start, |(n, space)| part.start + n + space.len_utf8())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn excerpt(query: &str, text: &str) -> String {
        let fragments = Query::of(query).excerpt(text);
        fragments.iter().map(|f| if f.is_match { format!("[{}]", f.text) } else { f.text.clone() }).collect()
    }

    #[test]
    fn what_was_looked_for_is_marked_as_it_is_written() {
        assert_eq!(excerpt("straße log", "STRASSE: the Logs and the log."), "[STRASSE]: the [Logs] and the [log].");
        assert_eq!(excerpt("東京都", "新東京都庁"), "新[東京都]庁");
        assert_eq!(excerpt("都", "東京都"), "東京[都]");
        assert_eq!(excerpt("istan", "İstanbul'da"), "[İstanbul]'da");
        assert_eq!(excerpt("x", "nothing"), "");
    }

    #[test]
    fn of_a_long_text_the_part_around_the_first_match_is_shown() {
        let text = format!("{} needle {}", "hay ".repeat(100), "straw ".repeat(100));
        let shown = excerpt("needle", &text);
        assert!(shown.starts_with("…hay ") && shown.ends_with('…'), "{shown}");
        assert!(shown.contains("hay  [needle] straw "), "{shown}");
        assert!(shown.chars().count() <= LONGEST + 4, "{shown}");
    }

    proptest! {
        #[test]
        fn an_excerpt_is_a_part_of_the_text(before in "\\PC{0,150}", word in "[a-zé東京]{2,5}", after in "\\PC{0,250}") {
            let text = format!("{before} {word} {after}");
            let fragments = Query::of(&word).excerpt(&text);
            let whole: String = fragments.iter().map(|f| f.text.as_str()).collect();
            prop_assert!(fragments.iter().any(|f| f.is_match), "{:?}", fragments);
            prop_assert!(whole.chars().count() <= 200);
            let is_cut = |fragment: Option<&Fragment>| fragment.is_some_and(|f| !f.is_match && f.text == "…");
            let from = usize::from(is_cut(fragments.first()));
            let to = fragments.len() - usize::from(is_cut(fragments.last()));
            let inside: String = fragments[from..to].iter().map(|f| f.text.as_str()).collect();
            prop_assert!(text.contains(&inside));
            if from == 0 && to == fragments.len() {
                prop_assert_eq!(inside, text);
            }
        }
    }
}
