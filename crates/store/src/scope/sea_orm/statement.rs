//! Which statements of SeaORM's a scope runs: those that read or change rows, and nothing else that could reach beyond them.
//!
//! A setting can be changed, and another statement be run, by a function in any expression. So the text is read as PostgreSQL
//! reads it, and a word with a parenthesis behind it has to be on the list of [`CALLS`]. What could be read in two ways is refused:
//! values belong into parameters.

use std::iter::Peekable;
use std::str::CharIndices;

/// How a statement begins.
const BEGINNINGS: [&str; 5] = ["select", "insert", "update", "delete", "with"];

/// What may stand before a parenthesis, in alphabetical order: words of the language, functions that look at nothing but their
/// arguments or the clock, and types with a length.
#[rustfmt::skip]
const CALLS: &[&str] = &[
    "abs", "age", "all", "and", "any", "array", "array_agg", "array_append", "array_length", "array_position",
    "array_remove", "array_to_string", "as", "avg", "between", "bit", "bool_and", "bool_or", "btrim", "by",
    "cardinality", "case", "cast", "ceil", "char", "char_length", "character", "coalesce", "concat", "concat_ws",
    "conflict", "count", "cume_dist", "date", "date_part", "date_trunc", "decimal", "dense_rank", "distinct", "else",
    "every", "except", "exists", "extract", "filter", "first_value", "float", "floor", "from", "gen_random_uuid",
    "greatest", "having", "ilike", "in", "initcap", "intersect", "interval", "is", "join", "json_agg",
    "json_build_array", "json_build_object", "json_object_agg", "jsonb_agg", "jsonb_array_elements",
    "jsonb_array_elements_text", "jsonb_array_length", "jsonb_build_array", "jsonb_build_object",
    "jsonb_extract_path", "jsonb_extract_path_text", "jsonb_object_agg", "jsonb_typeof", "lag", "last_value",
    "lateral", "lead", "least", "left", "length", "like", "limit", "lower", "ltrim", "make_date", "materialized",
    "max", "md5", "min", "mod", "normalize", "not", "now", "nth_value", "ntile", "nullif", "numeric", "octet_length",
    "offset", "on", "only", "or", "order", "over", "overlaps", "overlay", "partition", "percent_rank",
    "percentile_cont", "percentile_disc", "plainto_tsquery", "position", "power", "rank", "replace", "returning",
    "reverse", "right", "round", "row", "row_number", "row_to_json", "rtrim", "select", "set", "sign", "some",
    "split_part", "sqrt", "starts_with", "string_agg", "strpos", "substr", "substring", "sum", "then", "time",
    "timestamp", "timestamptz", "to_char", "to_date", "to_json", "to_jsonb", "to_timestamp", "to_tsquery",
    "to_tsvector", "translate", "trim", "trunc", "ts_headline", "ts_rank", "ts_rank_cd", "union", "unnest", "upper",
    "using", "values", "varbit", "varchar", "websearch_to_tsquery", "when", "where", "within", "zone",
];

/// Behind these, a name with a parenthesis is followed by names of columns: a table that rows are inserted into, a table's other
/// name, and the name of a common table expression.
const BEFORE_COLUMNS: [&str; 4] = ["into", "as", "with", "recursive"];

/// Names that begin like this are the server's own: its catalogue, and functions that run a text, or reach other sessions, files
/// or objects of no tenant. Refused without a parenthesis, too: of a table `t` that is a function's, `t.name` is a call.
const FOREIGN_BEGINNINGS: [&str; 12] = [
    "pg_",
    "lo_",
    "dblink",
    "query_to_",
    "cursor_to_",
    "table_to_",
    "schema_to_",
    "database_to_",
    "txid_",
    "brin_",
    "gin_",
    "currtid",
];

/// As those, by their whole names.
const FOREIGN_NAMES: [&str; 12] = [
    "auth",
    "current_setting",
    "currval",
    "information_schema",
    "lastval",
    "loread",
    "lowrite",
    "nextval",
    "platform",
    "setval",
    "ts_rewrite",
    "ts_stat",
];

/// What no statement mentions, not even in a literal.
const UNMENTIONED: [&str; 2] = ["set_config", "app.current_"];

/// A piece of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word of the language or a name, in lower case as the server takes it.
    Word(String),
    /// A name in quotes.
    Quoted(String),
    /// A text in quotes, a number or a parameter.
    Value,
    /// Any other character.
    Sign(char),
}

impl Token {
    fn is_name(&self) -> bool {
        matches!(self, Self::Word(_) | Self::Quoted(_))
    }

    fn is_word(&self, words: &[&str]) -> bool {
        matches!(self, Self::Word(word) if words.contains(&word.as_str()))
    }
}

/// Makes sure that a scope may run this.
///
/// # Errors
/// What the statement must not do.
pub(super) fn check(text: &str) -> Result<(), String> {
    let lower = text.to_ascii_lowercase();
    if let Some(mentioned) = UNMENTIONED.iter().find(|mentioned| lower.contains(*mentioned)) {
        return Err(format!("a statement that mentions {mentioned}"));
    }
    let tokens = Lexer { text, rest: text.char_indices().peekable() }.tokens()?;
    match tokens.first() {
        Some(first) if first.is_word(&BEGINNINGS) => {}
        Some(Token::Word(word)) => return Err(word.to_ascii_uppercase()),
        _ => return Err("what begins with no word".to_owned()),
    }
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        match token {
            Token::Sign(';') => return Err("several statements".to_owned()),
            // `(text).name` and `$1.name` call a function of that name.
            Token::Sign('.') if !before.is_some_and(Token::is_name) => {
                return Err("a name behind an expression".to_owned());
            }
            Token::Sign('(') => check_call(&tokens[..at])?,
            // It would make a table that outlives the transaction.
            Token::Word(word) if word == "into" && !before.is_some_and(|before| before.is_word(&["insert"])) => {
                return Err("SELECT … INTO".to_owned());
            }
            Token::Word(name) | Token::Quoted(name) => check_name(name)?,
            _ => {}
        }
    }
    Ok(())
}

/// Looks at what stands before a parenthesis.
fn check_call(before: &[Token]) -> Result<(), String> {
    let Some((name, mut rest)) = before.split_last().filter(|(name, _)| name.is_name()) else { return Ok(()) };
    let mut is_qualified = false;
    while let [head @ .., qualifier, Token::Sign('.')] = rest
        && qualifier.is_name()
    {
        is_qualified = true;
        rest = head;
    }
    let is_followed_by_columns = rest.last().is_some_and(|word| word.is_word(&BEFORE_COLUMNS));
    match name {
        _ if is_followed_by_columns => Ok(()),
        Token::Word(name) if !is_qualified && CALLS.binary_search(&name.as_str()).is_ok() => Ok(()),
        Token::Word(name) | Token::Quoted(name) => Err(format!("the function {name}")),
        _ => Ok(()),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    if FOREIGN_NAMES.contains(&lower.as_str()) || FOREIGN_BEGINNINGS.iter().any(|begin| lower.starts_with(begin)) {
        return Err(format!("a statement about {name}"));
    }
    Ok(())
}

/// Reads a text as the server does, and refuses what it would read differently depending on its settings.
struct Lexer<'t> {
    text: &'t str,
    rest: Peekable<CharIndices<'t>>,
}

impl Lexer<'_> {
    fn tokens(mut self) -> Result<Vec<Token>, String> {
        let mut tokens = Vec::new();
        while let Some((start, first)) = self.rest.next() {
            match first {
                ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => {}
                '-' if self.take('-') => while self.rest.next_if(|(_, next)| !matches!(next, '\n' | '\r')).is_some() {},
                '/' if self.take('*') => self.comment()?,
                '\'' => tokens.push(self.literal(false)?),
                '"' => tokens.push(self.quoted()?),
                '$' if self.take_while(|next| next.is_ascii_digit()) => tokens.push(Token::Value),
                '$' => return Err("a literal in dollar signs".to_owned()),
                '0'..='9' => {
                    // Whatever follows directly is a word of its own, or one more number.
                    self.take_while(|next| next.is_ascii_digit() || next == '.');
                    tokens.push(Token::Value);
                }
                first if is_in_name(first) => {
                    self.take_while(|next| is_in_name(next) || next == '$' || next.is_ascii_digit());
                    let word = &self.text[start..self.position()];
                    match (word.to_ascii_lowercase().as_str(), self.rest.peek()) {
                        ("e", Some((_, '\''))) => {
                            self.rest.next();
                            tokens.push(self.literal(true)?);
                        }
                        ("n" | "b" | "x", Some((_, '\''))) => {
                            self.rest.next();
                            tokens.push(self.literal(false)?);
                        }
                        // Its escapes could spell any name.
                        ("u", Some((_, '&'))) => return Err("U&".to_owned()),
                        (word, _) => tokens.push(Token::Word(word.to_owned())),
                    }
                }
                '\\' => return Err("a backslash".to_owned()),
                sign => tokens.push(Token::Sign(sign)),
            }
        }
        Ok(tokens)
    }

    /// Reads the rest of a text in quotes. Backslashes mean something or nothing, depending on a setting of the server's; only where
    /// they always do are they taken.
    fn literal(&mut self, has_escapes: bool) -> Result<Token, String> {
        while let Some((_, next)) = self.rest.next() {
            match next {
                '\'' if self.take('\'') => {}
                '\'' => return Ok(Token::Value),
                '\\' if has_escapes => drop(self.rest.next()),
                '\\' => return Err("a backslash in a literal".to_owned()),
                _ => {}
            }
        }
        Err("a literal without an end".to_owned())
    }

    fn quoted(&mut self) -> Result<Token, String> {
        let mut name = String::new();
        while let Some((_, next)) = self.rest.next() {
            if next == '"' && !self.take('"') {
                return Ok(Token::Quoted(name));
            }
            name.push(next);
        }
        Err("a name without an end".to_owned())
    }

    /// Comments hold comments.
    fn comment(&mut self) -> Result<(), String> {
        let mut depth = 1;
        while let Some((_, next)) = self.rest.next() {
            match next {
                '*' if self.take('/') => depth -= 1,
                '/' if self.take('*') => depth += 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
        Err("a comment without an end".to_owned())
    }

    /// Goes on if this comes next.
    fn take(&mut self, wanted: char) -> bool {
        self.rest.next_if(|(_, next)| *next == wanted).is_some()
    }

    /// Goes on while this holds; tells whether it did at all.
    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let mut any = false;
        while self.rest.next_if(|(_, next)| wanted(*next)).is_some() {
            any = true;
        }
        any
    }

    fn position(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(position, _)| *position)
    }
}

/// Whether a name may begin with it. The server takes every character beyond ASCII for a letter.
fn is_in_name(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(CALLS.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn what_seaorm_writes_passes() {
        for text in [
            r#"SELECT "clients"."id", "clients"."name" FROM "app"."clients" WHERE "clients"."name" LIKE $1 LIMIT $2"#,
            r#"SELECT COUNT(*) AS num_items FROM (SELECT "clients"."id" FROM "app"."clients") AS "sub_query""#,
            r#"INSERT INTO "app"."clients" ("organization_id", "id") VALUES ($1, $2), ($3, $4) RETURNING "id""#,
            r#"INSERT INTO "app"."a" ("id") VALUES ($1) ON CONFLICT ("id") DO UPDATE SET "n" = "excluded"."n""#,
            r#"UPDATE "app"."clients" SET "name" = $1 WHERE ("clients"."id", "clients"."organization_id") IN (($2, $3))"#,
            r#"DELETE FROM "app"."clients" WHERE "clients"."id" = $1"#,
            r#"WITH RECURSIVE "tree" ("id", "depth") AS (SELECT "id", 0 FROM "app"."tasks") SELECT * FROM "tree""#,
            r#"SELECT CAST("tasks"."status" AS text), EXISTS(SELECT 1 FROM "app"."tasks" AS "t") FROM "app"."tasks""#,
            r#"SELECT ROW_NUMBER() OVER (PARTITION BY "a" ORDER BY "b"), CASE WHEN ("x" = 1.5) THEN 'a''b' ELSE (2) END FROM "app"."t""#,
            "/* a /* nested */ comment */ -- another\n select e'it\\'s', t.* FROM app.clients t -- the end",
            r#"SELECT "a"->>'key', "b"::numeric(10, 2), x'00' FROM "app"."invoices" AS "i" ("a", "b") FOR UPDATE"#,
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_could_reach_beyond_the_tenant_does_not() {
        for text in [
            "SET LOCAL app.current_organization_id = 'x'",
            "reset all",
            "BEGIN",
            "commit",
            "ROLLBACK",
            "SAVEPOINT a",
            "COPY app.clients TO STDOUT",
            "DO $$ BEGIN END $$",
            "PREPARE a AS SELECT 1",
            "EXPLAIN ANALYZE DELETE FROM app.clients",
            "LISTEN a",
            "",
            "-- nothing",
            "(SELECT 1)",
            "SELECT 1; SELECT 2",
            "SELECT 1;",
            "SELECT set_config('a', 'b', true)",
            "SELECT SET_CONFIG ('a', 'b', true)",
            r#"SELECT "set_config"('a', 'b', true)"#,
            r#"SELECT pg_catalog . /* */ "set_config" -- x
               ('a', 'b', true)"#,
            r#"SELECT U&"set\005fconfig"('a', 'b', true)"#,
            r#"SELECT u&"set!005fconfig" UESCAPE '!' ('a', 'b', true)"#,
            "WITH a AS MATERIALIZED (SELECT set_config('a', 'b', true)) SELECT * FROM a, app.clients",
            "SELECT current_setting('x')",
            "SELECT query_to_xml('select 1', true, true, '')",
            "SELECT ts_stat('select 1')",
            "SELECT ('select 1'::text).ts_stat",
            "SELECT $1.ts_stat",
            "SELECT (ARRAY['select 1'])[1].ts_stat",
            "SELECT 'a' . ts_stat",
            "SELECT f.ts_stat FROM unnest(ARRAY['select 1']) AS f",
            "SELECT f.\"ts_stat\" FROM lower('select 1') AS f",
            "SELECT * FROM dblink('', '') AS (a int)",
            r#"SELECT * FROM app.clients, "dblink"('', '') AS ("a" int)"#,
            "SELECT pg_sleep(1)",
            "SELECT pg_terminate_backend(1)",
            "SELECT nextval('a')",
            "SELECT lo_get(1)",
            "SELECT * FROM pg_stat_activity",
            r#"SELECT * FROM "pg_catalog"."pg_settings""#,
            r#"SELECT * FROM "auth"."users""#,
            "SELECT email FROM AUTH.users",
            "SELECT * INTO TEMP a FROM app.clients",
            "WITH a AS (SELECT 1) SELECT * INTO a FROM a",
            "SELECT 1 OPERATOR(pg_catalog.+) 1",
            "SELECT $a$ x $a$",
            r"SELECT 'a\' , set_config (1) --'",
            "SELECT 'a",
            "SELECT \"a",
            "SELECT /* a",
            "SELECT * FROM app.clients TABLESAMPLE system(100)",
            "MERGE INTO app.clients USING a ON true WHEN MATCHED THEN DELETE",
            "VALUES (1)",
            "TABLE app.clients",
            "CALL a()",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
