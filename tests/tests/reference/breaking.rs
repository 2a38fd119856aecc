//! Breaks a document in one place: in its structure, or in its text.

use rand::{Rng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use crate::document::{Argument, Document, Fragment, Literal, Selection, field, token};

/// Breaks the structure in one place, and returns how.
pub(crate) fn break_structure(document: &mut Document, rng: &mut ChaCha8Rng) -> &'static str {
    match rng.random_range(0..22) {
        0 => at_a_set(document, rng, "unknown field", |set, _| set.push(field("nothing", Vec::new()))),
        1 => at_a_set(document, rng, "missing selection", |set, _| {
            for selection in set.iter_mut() {
                if let Selection::Field { selections, .. } = selection
                    && !selections.is_empty()
                {
                    selections.clear();
                    return;
                }
            }
        }),
        2 => at_a_set(document, rng, "selection on a leaf", |set, _| {
            for selection in set.iter_mut() {
                if let Selection::Field { selections, .. } = selection
                    && selections.is_empty()
                {
                    selections.push(field("id", Vec::new()));
                    return;
                }
            }
        }),
        3 => at_a_set(document, rng, "one key for two fields", |set, _| {
            let mut key = None;
            for selection in set.iter_mut() {
                if let Selection::Field { alias, name, .. } = selection {
                    match &key {
                        None => key = Some(alias.clone().unwrap_or_else(|| name.clone())),
                        Some(key) => {
                            *alias = Some(key.clone());
                            return;
                        }
                    }
                }
            }
        }),
        4 => at_a_set(document, rng, "a field twice, with other arguments", |set, rng| {
            if let Some(mut copy) = set.choose(rng).cloned() {
                if let Selection::Field { arguments, .. } = &mut copy {
                    if arguments.is_empty() || rng.random_bool(0.3) {
                        arguments.push(("first".to_owned(), token("3")));
                    } else {
                        arguments.pop();
                    }
                }
                set.push(copy);
            }
        }),
        5 => at_a_set(document, rng, "unknown fragment", |set, _| {
            set.push(Selection::Spread { name: "Nothing".to_owned(), directives: Vec::new() });
        }),
        6 => at_a_set(document, rng, "impossible or unknown type", |set, rng| {
            let on = ["Viewer", "Money", "Client", "Dog", "Alien", "Node", "Role", "Nothing", "String", "ClientFilter"]
                .choose(rng)
                .map(|on| (*on).to_owned());
            set.push(Selection::Inline {
                on,
                directives: Vec::new(),
                selections: vec![field("__typename", Vec::new())],
            });
        }),
        7 => at_a_set(document, rng, "wrong directive", |set, rng| {
            let name = ["skip", "include", "nothing", "deprecated", "onQuery", "everywhere", "repeated"]
                .choose(rng)
                .map_or("skip", |name| name);
            if let Some(
                Selection::Field { directives, .. }
                | Selection::Spread { directives, .. }
                | Selection::Inline { directives, .. },
            ) = set.first_mut()
            {
                directives.push((name.to_owned(), Vec::new()));
                if rng.random_bool(0.5) {
                    directives.push((name.to_owned(), vec![("if".to_owned(), token("true"))]));
                }
            }
        }),
        8 => {
            // A fragment that refers to itself, directly or through another.
            let names: Vec<String> = document.fragments.iter().map(|fragment| fragment.name.clone()).collect();
            if let (Some(from), Some(to)) = (names.choose(rng), names.choose(rng))
                && let Some(fragment) = document.fragments.iter_mut().find(|fragment| fragment.name == *from)
            {
                fragment.selections.push(Selection::Spread { name: to.clone(), directives: Vec::new() });
            }
            "spread between fragments"
        }
        9 => {
            if let Some(fragment) = document.fragments.first().cloned() {
                document.fragments.push(fragment);
            } else if let Some(operation) = document.operations.first().cloned() {
                document.operations.push(operation);
            }
            "a definition twice"
        }
        10 => at_arguments(document, rng, "unknown argument", |arguments, _| {
            arguments.push(("nothing".to_owned(), token("1")));
        }),
        11 => at_arguments(document, rng, "argument twice", |arguments, rng| {
            if let Some(argument) = arguments.choose(rng).cloned() {
                arguments.push(argument);
            }
        }),
        12 => at_arguments(document, rng, "argument missing", |arguments, _| {
            arguments.pop();
        }),
        13..=15 => {
            const ODD: [&str; 14] = [
                "1",
                "1.5",
                "\"x\"",
                "null",
                "true",
                "[]",
                "{}",
                "ACTIVE",
                "[null]",
                "[[1]]",
                "{nothing: 1}",
                "2147483648",
                "$nothing",
                "on",
            ];
            at_a_literal(document, rng, "another value", |literal, rng| {
                *literal = token(ODD.choose(rng).map_or("1", |odd| odd));
            })
        }
        16 => at_a_literal(document, rng, "odd object", |literal, rng| {
            if let Literal::Object(fields) = literal {
                match (rng.random_range(0..3), fields.first().cloned()) {
                    (0, Some(first)) => fields.push(first),
                    (1, Some(_)) => {
                        fields.remove(0);
                    }
                    _ => fields.push(("nothing".to_owned(), token("1"))),
                }
            }
        }),
        17 => at_a_literal(document, rng, "odd list", |literal, rng| match literal {
            Literal::List(items) if rng.random_bool(0.5) => items.push(token("null")),
            other => *other = Literal::List(vec![other.clone()]),
        }),
        18 => {
            const TYPES: [&str; 12] = [
                "Int",
                "String",
                "ID!",
                "[ID!]!",
                "Boolean",
                "Boolean!",
                "ClientStatus",
                "[ClientStatus]",
                "Client",
                "Nothing",
                "Colour",
                "[[Int!]!]!",
            ];
            let all: Vec<(usize, usize)> = document
                .operations
                .iter()
                .enumerate()
                .flat_map(|(operation, of)| (0..of.variables.len()).map(move |variable| (operation, variable)))
                .collect();
            if let Some((operation, variable)) = all.choose(rng) {
                let of = &mut document.operations[*operation].variables[*variable].of;
                *of = match rng.random_range(0..4) {
                    0 => of.trim_end_matches('!').to_owned(),
                    1 => format!("[{of}]"),
                    2 => of.replace('!', ""),
                    _ => TYPES.choose(rng).map_or("Int", |of| of).to_owned(),
                };
            }
            "variable of another type"
        }
        19 => {
            for operation in &mut document.operations {
                if let Some(variable) = operation.variables.first().cloned() {
                    match rng.random_range(0..4) {
                        0 => operation.variables.push(variable),
                        1 => operation.variables[0].name.push('x'),
                        2 => operation.variables[0].default = Some(token("null")),
                        _ => {
                            operation.variables.remove(0);
                        }
                    }
                    break;
                }
            }
            "variable twice, missing, renamed or null by default"
        }
        20 => {
            if let Some(operation) = document.operations.first_mut() {
                match rng.random_range(0..3) {
                    0 => operation.name = None,
                    1 => {
                        operation.keyword =
                            ["query", "mutation", "subscription"].choose(rng).map_or("query", |keyword| keyword);
                    }
                    _ => {
                        let second = operation.clone();
                        document.operations.push(second);
                    }
                }
            }
            "another operation"
        }
        _ => {
            let selections = vec![field("__typename", Vec::new())];
            let on = ["Client", "Nothing", "Node", "Query"].choose(rng).map_or("Client", |on| on).to_owned();
            document.fragments.push(Fragment { name: "Unused".to_owned(), on, selections });
            "fragment without use"
        }
    }
}

fn at_a_set(
    document: &mut Document,
    rng: &mut ChaCha8Rng,
    what: &'static str,
    change: fn(&mut Vec<Selection>, &mut ChaCha8Rng),
) -> &'static str {
    let mut count = 0;
    document.for_each_set(&mut |_| count += 1);
    let chosen = rng.random_range(0..count.max(1));
    let mut index = 0;
    document.for_each_set(&mut |set| {
        if index == chosen {
            change(set, rng);
        }
        index += 1;
    });
    what
}

fn at_arguments(
    document: &mut Document,
    rng: &mut ChaCha8Rng,
    what: &'static str,
    change: fn(&mut Vec<Argument>, &mut ChaCha8Rng),
) -> &'static str {
    // Argument lists that are not empty come first: most are empty, and there is little to break in them.
    let (mut all, mut filled) = (0, 0);
    document.for_each_arguments(&mut |arguments| {
        all += 1;
        filled += usize::from(!arguments.is_empty());
    });
    let only_filled = filled > 0 && rng.random_bool(0.8);
    let chosen = rng.random_range(0..if only_filled { filled } else { all.max(1) });
    let mut index = 0;
    document.for_each_arguments(&mut |arguments| {
        if only_filled && arguments.is_empty() {
            return;
        }
        if index == chosen {
            change(arguments, rng);
        }
        index += 1;
    });
    what
}

fn at_a_literal(
    document: &mut Document,
    rng: &mut ChaCha8Rng,
    what: &'static str,
    change: fn(&mut Literal, &mut ChaCha8Rng),
) -> &'static str {
    let mut count = 0;
    document.for_each_literal(&mut |_| count += 1);
    let chosen = rng.random_range(0..count.max(1));
    let mut index = 0;
    document.for_each_literal(&mut |literal| {
        if index == chosen {
            change(literal, rng);
        }
        index += 1;
    });
    what
}

/// Tokens, and almost tokens.
const TOKENS: [&str; 44] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    ",",
    "!",
    "$",
    "@",
    "=",
    "|",
    "&",
    "...",
    "..",
    ".",
    "on",
    "query",
    "mutation",
    "fragment",
    "subscription",
    "null",
    "true",
    "name",
    "id",
    "0",
    "-1",
    "00",
    "1.5",
    "1.",
    "1e5",
    "0x1",
    "\"\"",
    "\"a\"",
    "\"\"\"b\"\"\"",
    "\"",
    "\"\"\"",
    "\\",
    "#",
    "\u{feff}",
    "\u{e4}",
    "type",
    "$x",
];

/// Breaks the text in one place, and returns how.
pub(crate) fn break_text(text: &mut String, rng: &mut ChaCha8Rng) -> &'static str {
    let mut tokens: Vec<String> =
        split(text).into_iter().map(|piece| piece.trim_end_matches([' ', ',', '\n']).to_owned()).collect();
    let at = rng.random_range(0..tokens.len());
    let odd = (*TOKENS.choose(rng).map_or(&"{", |token| token)).to_owned();
    let what = match rng.random_range(0..7) {
        0 | 1 => {
            tokens.remove(at);
            "token dropped"
        }
        2 => {
            let copy = tokens[at].clone();
            tokens.insert(at, copy);
            "token twice"
        }
        3 => {
            tokens[at] = odd;
            "token replaced"
        }
        4 => {
            tokens.insert(at, odd);
            "token inserted"
        }
        5 => {
            let other = rng.random_range(0..tokens.len());
            tokens.swap(at, other);
            "tokens swapped"
        }
        _ => {
            // A character inside a token: names change, strings and numbers end elsewhere.
            let mut characters: Vec<char> = tokens[at].chars().collect();
            let inside = rng.random_range(0..characters.len());
            let new =
                ['"', '\\', 'a', '0', '.', '-', '\n', '_', 'u', '{', ' ', 'e'].choose(rng).copied().unwrap_or('a');
            match rng.random_range(0..3) {
                0 => {
                    characters.remove(inside);
                }
                1 => characters.insert(inside, new),
                _ => characters[inside] = new,
            }
            tokens[at] = characters.into_iter().collect();
            "character changed"
        }
    };
    *text = if rng.random_bool(0.2) {
        // Without any optional space. Where a space was needed, the text changes.
        tokens.concat()
    } else {
        let gaps = [" ", " ", " ", "\n", "\t", ",", ", ", "\r\n", " # note\n", "\u{feff}"];
        let mut out = String::new();
        for token in tokens {
            out.push_str(&token);
            out.push_str(gaps.choose(rng).map_or(" ", |gap| gap));
        }
        out
    };
    what
}

/// Splits a text into pieces, each a token followed by ignored tokens; joined, they are the text again.
pub(crate) fn split(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let ignored = first.is_whitespace() || first == ',' || first == '\u{feff}' || first == '#';
        let length = if first == '#' {
            rest.find(['\n', '\r']).unwrap_or(rest.len())
        } else if first.is_ascii_alphanumeric() || first == '_' || first == '-' {
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.+".contains(c))).unwrap_or(rest.len())
        } else if rest.starts_with("...") {
            3
        } else if rest.starts_with("\"\"\"") {
            end_of_string(rest, "\"\"\"", "\\\"\"\"")
        } else if first == '"' {
            end_of_string(rest, "\"", "\\\"")
        } else {
            first.len_utf8()
        };
        let (piece, after) = rest.split_at(length);
        match pieces.last_mut() {
            Some(last) if ignored => last.push_str(piece),
            _ => pieces.push(piece.to_owned()),
        }
        rest = after;
    }
    pieces
}

/// The end of a string that begins with these quotes.
fn end_of_string(text: &str, quotes: &str, escaped: &str) -> usize {
    let mut end = quotes.len();
    while end < text.len() && !text[end..].starts_with(quotes) {
        let length = if text[end..].starts_with(escaped) {
            escaped.len()
        } else if text[end..].starts_with("\\\\") && quotes.len() == 1 {
            2
        } else {
            text[end..].chars().next().map_or(1, char::len_utf8)
        };
        end += length;
    }
    (end + quotes.len()).min(text.len())
}
