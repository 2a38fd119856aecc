//! Section 2.9: numbers, strings and block strings.

use serde_json::json;

use super::super::Cases;

pub(super) fn numbers(cases: &mut Cases) {
    cases
        .wide("2.9.1, 2.9.2 numbers")
        .ready([
            "{ scalars(int: 0, float: 0) }",
            "{ scalars(int: -0, float: -0) }",
            "{ scalars(float: 0.0) }",
            "{ scalars(float: 0.123) }",
            "{ scalars(float: 1e0) }",
            "{ scalars(float: 1E+10) }",
            "{ scalars(float: 1.5e-10) }",
            "{ scalars(float: -1.5E5) }",
            "{ scalars(float: 0e1) }",
            "{ scalars(float: 1e00001) }",
            "{ scalars(int: 1,float: 2) }",
            "{ scalars(any: [1,2]) }",
            "{ scalars(any: [1\"a\"]) }",
            "{ scalars(any: [1 2]) }",
            "{ scalars(any: [1[2]]) }",
            "{ scalars(any: [1{a:2}]) }",
            "{ scalars(any: [1#\n2]) }",
            "{ scalars(int:1)@everywhere}",
        ])
        .fit(
            "query ($a: Float = 1e3, $b: Float = 1, $c: Float = -0.5, $d: Float = 1e-7, $e: Float = 123456789.123456789) {
                a: scalars(float: $a) b: scalars(float: $b) c: scalars(float: $c) d: scalars(float: $d) e: scalars(float: $e)
            }",
            [json!({})],
        )
        .fit("query ($a: Int = -0, $b: ID = 0, $c: ID = -7) { scalars(int: $a, id: $b) a: scalars(id: $c) }", [json!({})])
        .syntax([
            "{ scalars(int: 00) }",
            "{ scalars(int: 01) }",
            "{ scalars(int: -01) }",
            "{ scalars(int: 0x1) }",
            "{ scalars(int: 0xF1) }",
            "{ scalars(int: 0b10) }",
            "{ scalars(int: 0_1) }",
            "{ scalars(int: 1a) }",
            "{ scalars(int: 1_000) }",
            "{ scalars(int: 123abc) }",
            "{ scalars(int: -) }",
            "{ scalars(int: --1) }",
            "{ scalars(int: - 1) }",
            "{ scalars(int: -a) }",
            "{ scalars(float: 1.) }",
            "{ scalars(float: .5) }",
            "{ scalars(float: 1.e1) }",
            "{ scalars(float: 1.A) }",
            "{ scalars(float: 1e) }",
            "{ scalars(float: 1e+) }",
            "{ scalars(float: 1e1.5) }",
            "{ scalars(float: 1e1e1) }",
            "{ scalars(float: 1.5.5) }",
            "{ scalars(float: 1.5a) }",
            "{ scalars(float: 1.5_) }",
            "{ scalars(float: 1e5x) }",
            "{ scalars(float: 1.0.) }",
            "{ scalars(float: 00.5) }",
            "{ scalars(float: 01e5) }",
            "{ scalars(float: 1,5.) }",
            "{ scalars(int: 1float: 2) }",
            "{ scalars(any: [1.]) }",
            "{ scalars(any: [1...]) }",
            "{ scalars(any: [0.]) }",
            "{ scalars(any: [1e-]) }",
        ]);
}

pub(super) fn strings(cases: &mut Cases) {
    let mut section = cases.wide("2.9.4 strings");
    for (literal, value) in [
        (r#""""#, ""),
        (r#""a""#, "a"),
        (r#""a b	c""#, "a b\tc"),
        (r#"" a ""#, " a "),
        ("\"#,{}()$!...\"", "#,{}()$!..."),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e4\u00E4\u20AC""#, "A\u{e4}\u{e4}\u{20ac}"),
        (r#""\u{41}\u{1F600}\u{0041}\u{000041}\u{0}""#, "A\u{1f600}AA\u{0}"),
        (r#""\u{10FFFF}\u{FFFF}\u{D7FF}\u{E000}""#, "\u{10ffff}\u{ffff}\u{d7ff}\u{e000}"),
        (r#""\uD83D\uDE00 \ud83d\ude00""#, "\u{1f600} \u{1f600}"),
        (r#""\u0000\u0007\u001F\u007F""#, "\u{0}\u{7}\u{1f}\u{7f}"),
        (r#""\uFEFF\uFFFE\uFFFF""#, "\u{feff}\u{fffe}\u{ffff}"),
        ("\"\u{1f600}\u{feff}\u{2028}\u{2029}\u{85}\"", "\u{1f600}\u{feff}\u{2028}\u{2029}\u{85}"),
        ("\"\u{0}\u{7}\u{1f}\u{7f}\u{b}\u{c}\"", "\u{0}\u{7}\u{1f}\u{7f}\u{b}\u{c}"),
        (r#""\\u0041""#, "\\u0041"),
        (r#""\u0022\u005C""#, "\"\\"),
        (r#""\u{00000041}""#, "A"),
    ] {
        section.means(&format!("query ($s: String = {literal}) {{ scalars(string: $s) }}"), json!({"s": value}));
        section.means(
            &format!("query ($s: Anything = {{a: [{literal}]}}) {{ scalars(any: $s) }}"),
            json!({"s": {"a": [value]}}),
        );
        section.fit(&format!("query ($s: ID = {literal}) {{ scalars(id: $s, string: {literal}) }}"), [json!({})]);
    }
    // Nine digits: the reference implementation refuses, the specification sets no limit.
    section.syntax(["query ($s: String = \"\\u{000000041}\") { scalars(string: $s) }"]);
    for literal in [
        r#"""#,
        r#"""""#,
        r#""a"#,
        r#""a\""#,
        "\"a\nb\"",
        "\"a\rb\"",
        "\"a\r\nb\"",
        r#""\x""#,
        r#""\'""#,
        r#""\0""#,
        r#""\a""#,
        r#""\U0041""#,
        r#""\v""#,
        r#""\ ""#,
        "\"\\\n\"",
        "\"\\\u{1f600}\"",
        r#""\u""#,
        r#""\u1""#,
        r#""\u12""#,
        r#""\u123""#,
        r#""\u 041""#,
        r#""\u+041""#,
        r#""\u004G""#,
        r#""\uXXXX""#,
        r#""\u{}""#,
        r#""\u{""#,
        r#""\u{41""#,
        r#""\u{4 1}""#,
        r#""\u{g}""#,
        r#""\u{-1}""#,
        r#""\u{110000}""#,
        r#""\u{FFFFFFFF}""#,
        r#""\u{100000000000000041}""#,
        r#""\u{D800}""#,
        r#""\u{DFFF}""#,
        r#""\u{D83D}\u{DE00}""#,
        r#""\uD83D\u{DE00}""#,
        r#""\u{D83D}\uDE00""#,
        r#""\uD83D""#,
        r#""\uDE00""#,
        r#""\uDE00\uD83D""#,
        r#""\uD83D\uD83D\uDE00""#,
        r#""\uD83D\uDE00\uDE00""#,
        r#""\uD83Dx""#,
        r#""\uD83D\n""#,
        r#""\uD83D\u0041""#,
        r#""\uD83D \uDE00""#,
        r#""\uD83D\uDE0""#,
        r#""a" "b""#,
        r#""a"b"#,
        r"'a'",
    ] {
        section.syntax([&*format!("query ($s: String = {literal}) {{ scalars(string: $s) }}")]);
    }
}

pub(super) fn block_strings(cases: &mut Cases) {
    let mut section = cases.wide("2.9.4 block strings");
    for content in [
        "",
        "a",
        " a ",
        "\n",
        "\n\n",
        " \n\t\n ",
        "\na\n",
        "\n  a\n    b\n  c\n",
        "\n    Hello,\n      World!\n\n    Yours,\n      GraphQL.\n  ",
        "a\n    b\n    c",
        "    a\n      b\n     c",
        "\n\ta\n\t\tb",
        "\n \ta\n\t b",
        "\n  a\n\n\n  b\n  ",
        "\n  a\n \n  b",
        "\n      a\n   \n   b",
        "\n\n\n  a\n\n  b\n\n\n",
        "a  \n  b  \n",
        "\r\n  a\r\n    b\r\n",
        "\r  a\r    b\r",
        "\n\r  a\n\r  b",
        "\r\r\n\n  a",
        "a\rb\r\nc\nd",
        "\\\"\"\"",
        "a \\\"\"\" b",
        "\n  \\\"\"\"\n    \\\"\"\"\n",
        "\\\"\"\"\\\"\"\"",
        "\\\"\"\"x\\\"\"\"",
        "\\n\\u0041\\x\\ ",
        "\\\\ \\\" \\'",
        "a\\b",
        " \" ",
        "\"a\" b",
        " \"\" ",
        "\"\"a",
        "a\"\"b",
        "\t\n\ta\n\t\tb",
        "\u{1f600}\n  \u{1f600}\n    x",
        "\n\u{a0}\u{a0}a\n\u{a0}b",
        "\n\u{2003}a\n\u{2003}b",
        "\u{feff}a\n  \u{feff}b",
        "\n  a\u{2028}  b\n  c",
        "\u{0}\u{7}\u{b}\u{c}\n  \u{7f}",
        "#{}$!",
        "\n  # not a comment\n",
        "  ",
        "\t",
        "\n    \n  a",
        "\n  a\n    ",
        "\n    a\n  \t\n    b",
        "x\n\n  y\n\n",
        "\n\n  x\n",
    ] {
        let literal = format!("\"\"\"{content}\"\"\"");
        section.fit(&format!("query ($s: String = {literal}) {{ scalars(string: $s) }}"), [json!({})]);
        section.fit(&format!("query ($s: Anything = [{literal}, {literal}]) {{ scalars(any: $s) }}"), [json!({})]);
    }
    for literal in [
        "\"\"\"",
        "\"\"\"\"",
        "\"\"\"\"\"",
        "\"\"\"a",
        "\"\"\"a\"\"",
        "\"\"\"a\\\"\"\"",
        "\"\"\"a\" \"\"",
        "\"\"\"a\"\"\"\"",
        "\"\"\"\\\"\"\"\"",
    ] {
        section.syntax([&*format!("query ($s: String = {literal}) {{ scalars(string: $s) }}")]);
    }
}
