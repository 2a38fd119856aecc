//! A document as a tree, with functions to traverse and to print it.

use std::fmt::Write as _;

/// A document before it is printed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Document {
    pub(crate) operations: Vec<Operation>,
    pub(crate) fragments: Vec<Fragment>,
}

/// An operation.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) keyword: &'static str,
    pub(crate) name: Option<String>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) selections: Vec<Selection>,
}

/// A variable of an operation.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) of: String,
    pub(crate) default: Option<Literal>,
}

/// A named fragment.
#[derive(Debug, Clone)]
pub(crate) struct Fragment {
    pub(crate) name: String,
    pub(crate) on: String,
    pub(crate) selections: Vec<Selection>,
}

/// An argument: its name and its value.
pub(crate) type Argument = (String, Literal);

/// A directive: its name and its arguments.
pub(crate) type Directive = (String, Vec<Argument>);

/// A selection.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    Field {
        alias: Option<String>,
        name: String,
        arguments: Vec<Argument>,
        directives: Vec<Directive>,
        selections: Vec<Selection>,
    },
    Spread {
        name: String,
        directives: Vec<Directive>,
    },
    Inline {
        on: Option<String>,
        directives: Vec<Directive>,
        selections: Vec<Selection>,
    },
}

/// A value in a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Variable(String),
    Token(String),
    List(Vec<Literal>),
    Object(Vec<(String, Literal)>),
}

/// A plain field.
pub(crate) fn field(name: &str, selections: Vec<Selection>) -> Selection {
    Selection::Field { alias: None, name: name.to_owned(), arguments: Vec::new(), directives: Vec::new(), selections }
}

/// A literal of one token.
pub(crate) fn token(text: &str) -> Literal {
    Literal::Token(text.to_owned())
}

impl Document {
    /// The variables that an operation uses, including through its fragments.
    pub(crate) fn variables_of(&self, operation: &Operation) -> Vec<String> {
        let mut names = Vec::new();
        let mut seen = Vec::new();
        self.collect(&operation.selections, &mut names, &mut seen);
        names.sort();
        names.dedup();
        names
    }

    fn collect<'a>(&'a self, selections: &'a [Selection], names: &mut Vec<String>, seen: &mut Vec<&'a str>) {
        let in_directives = |directives: &[Directive], names: &mut Vec<String>| {
            for (_, arguments) in directives {
                value_names(arguments, names);
            }
        };
        for selection in selections {
            match selection {
                Selection::Field { arguments, directives, selections, .. } => {
                    value_names(arguments, names);
                    in_directives(directives, names);
                    self.collect(selections, names, seen);
                }
                Selection::Spread { name, directives } => {
                    in_directives(directives, names);
                    if !seen.contains(&name.as_str()) {
                        seen.push(name);
                        if let Some(fragment) = self.fragments.iter().find(|fragment| fragment.name == *name) {
                            self.collect(&fragment.selections, names, seen);
                        }
                    }
                }
                Selection::Inline { directives, selections, .. } => {
                    in_directives(directives, names);
                    self.collect(selections, names, seen);
                }
            }
        }
    }

    /// Calls a function for each list of selections in the document, from the outside in.
    pub(crate) fn for_each_set(&mut self, f: &mut dyn FnMut(&mut Vec<Selection>)) {
        fn walk(selections: &mut Vec<Selection>, f: &mut dyn FnMut(&mut Vec<Selection>)) {
            f(selections);
            for selection in selections {
                match selection {
                    Selection::Field { selections, .. } | Selection::Inline { selections, .. } => {
                        if !selections.is_empty() {
                            walk(selections, f);
                        }
                    }
                    Selection::Spread { .. } => {}
                }
            }
        }
        for operation in &mut self.operations {
            walk(&mut operation.selections, f);
        }
        for fragment in &mut self.fragments {
            walk(&mut fragment.selections, f);
        }
    }

    /// Calls a function for each list of arguments in the document, including those of directives.
    pub(crate) fn for_each_arguments(&mut self, f: &mut dyn FnMut(&mut Vec<Argument>)) {
        self.for_each_set(&mut |selections| {
            for selection in selections {
                let directives = match selection {
                    Selection::Field { arguments, directives, .. } => {
                        f(arguments);
                        directives
                    }
                    Selection::Spread { directives, .. } | Selection::Inline { directives, .. } => directives,
                };
                for (_, arguments) in directives {
                    f(arguments);
                }
            }
        });
    }

    /// Calls a function for each value in the document, including those in lists and objects.
    pub(crate) fn for_each_literal(&mut self, f: &mut dyn FnMut(&mut Literal)) {
        fn walk(literal: &mut Literal, f: &mut dyn FnMut(&mut Literal)) {
            f(literal);
            match literal {
                Literal::List(items) => items.iter_mut().for_each(|item| walk(item, f)),
                Literal::Object(fields) => fields.iter_mut().for_each(|(_, value)| walk(value, f)),
                Literal::Variable(_) | Literal::Token(_) => {}
            }
        }
        for operation in &mut self.operations {
            for variable in &mut operation.variables {
                if let Some(default) = &mut variable.default {
                    walk(default, f);
                }
            }
        }
        self.for_each_arguments(&mut |arguments| arguments.iter_mut().for_each(|(_, value)| walk(value, f)));
    }

    /// Prints the document.
    pub(crate) fn write(&self) -> String {
        let mut out = String::new();
        for operation in &self.operations {
            let shorthand = operation.keyword == "query" && operation.name.is_none() && operation.variables.is_empty();
            if !shorthand {
                out.push_str(operation.keyword);
                if let Some(name) = &operation.name {
                    out.push(' ');
                    out.push_str(name);
                }
                if !operation.variables.is_empty() {
                    let variables: Vec<_> = operation
                        .variables
                        .iter()
                        .map(|variable| {
                            let default = variable
                                .default
                                .as_ref()
                                .map(|default| format!(" = {}", default.write()))
                                .unwrap_or_default();
                            format!("${}: {}{default}", variable.name, variable.of)
                        })
                        .collect();
                    let _ = write!(out, "({})", variables.join(", "));
                }
                out.push(' ');
            }
            write_selections(&operation.selections, &mut out);
            out.push('\n');
        }
        for fragment in &self.fragments {
            let _ = write!(out, "fragment {} on {} ", fragment.name, fragment.on);
            write_selections(&fragment.selections, &mut out);
            out.push('\n');
        }
        out
    }
}

impl Literal {
    fn variables(&self, names: &mut Vec<String>) {
        match self {
            Self::Variable(name) => names.push(name.clone()),
            Self::Token(_) => {}
            Self::List(items) => items.iter().for_each(|item| item.variables(names)),
            Self::Object(fields) => fields.iter().for_each(|(_, value)| value.variables(names)),
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Variable(name) => format!("${name}"),
            Self::Token(token) => token.clone(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::write).collect::<Vec<_>>().join(", ")),
            Self::Object(fields) => {
                format!(
                    "{{{}}}",
                    fields
                        .iter()
                        .map(|(name, value)| format!("{name}: {}", value.write()))
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            }
        }
    }
}

pub(crate) fn write_arguments(arguments: &[Argument]) -> String {
    if arguments.is_empty() {
        return String::new();
    }
    format!(
        "({})",
        arguments.iter().map(|(name, value)| format!("{name}: {}", value.write())).collect::<Vec<_>>().join(", ")
    )
}

/// Adds the variables in arguments.
fn value_names(arguments: &[Argument], names: &mut Vec<String>) {
    for (_, value) in arguments {
        value.variables(names);
    }
}

fn write_directives(directives: &[Directive], out: &mut String) {
    for (name, arguments) in directives {
        let _ = write!(out, " @{name}{}", write_arguments(arguments));
    }
}

fn write_selections(selections: &[Selection], out: &mut String) {
    out.push('{');
    for selection in selections {
        out.push(' ');
        match selection {
            Selection::Field { alias, name, arguments, directives, selections } => {
                if let Some(alias) = alias {
                    let _ = write!(out, "{alias}: ");
                }
                out.push_str(name);
                out.push_str(&write_arguments(arguments));
                write_directives(directives, out);
                if !selections.is_empty() {
                    out.push(' ');
                    write_selections(selections, out);
                }
            }
            Selection::Spread { name, directives } => {
                let _ = write!(out, "...{name}");
                write_directives(directives, out);
            }
            Selection::Inline { on, directives, selections } => {
                out.push_str("...");
                if let Some(on) = on {
                    let _ = write!(out, " on {on}");
                }
                write_directives(directives, out);
                out.push(' ');
                write_selections(selections, out);
            }
        }
    }
    out.push_str(" }");
}
