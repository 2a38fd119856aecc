//! The Node process that runs the reference implementation.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

use serde_json::{Map, Value, json};

/// The files of the package.
const FILES: [(&str, &str); 5] = [
    (".npmrc", include_str!("../../reference/.npmrc")),
    ("package.json", include_str!("../../reference/package.json")),
    ("package-lock.json", include_str!("../../reference/package-lock.json")),
    ("reference.mjs", include_str!("../../reference/reference.mjs")),
    ("execution.mjs", include_str!("../../reference/execution.mjs")),
];

/// A process that answers each line of JSON with one line.
pub(crate) struct Reference {
    child: Child,
    output: BufReader<ChildStdout>,
}

/// Our own schema, as it is published.
pub(crate) fn our_schema() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema.graphql")
}

/// The schema with the features that ours lacks.
pub(crate) fn wide_schema() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/wide.graphql")
}

/// Installs the package and its dependencies in a folder that is kept for the next run.
fn prepare() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reference");
    std::fs::create_dir_all(&folder).expect("a folder");
    // Tests run concurrently, also in separate processes: the first one installs, and the others wait.
    let lock = File::create(folder.join("lock")).expect("a lock");
    lock.lock().expect("a lock");
    let stamp = folder.join("installed");
    let wanted: String = FILES.iter().map(|(_, content)| *content).collect();
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    for (name, content) in FILES {
        std::fs::write(folder.join(name), content).expect("a file");
    }
    let install = Command::new("npm").args(["ci", "--ignore-scripts"]).current_dir(&folder).output();
    let output = install.map_err(|error| format!("npm cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("npm could not install: {}", String::from_utf8_lossy(&output.stderr)));
    }
    std::fs::write(stamp, wanted).expect("a file");
    Ok(folder)
}

impl Reference {
    /// Starts the process in one of its modes. Without Node it returns `None`; on CI that is a failure.
    pub(crate) fn start(arguments: &[String]) -> Option<Self> {
        let folder = match prepare() {
            Ok(folder) => folder,
            Err(reason) => {
                assert!(std::env::var_os("CI").is_none(), "{reason}");
                eprintln!("passed over: {reason}");
                return None;
            }
        };
        let mut child = Command::new("node")
            .arg("reference.mjs")
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("where npm is, node is");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Some(Self { child, output })
    }

    /// Starts the process that gives verdicts on documents, for our schema and the wide one.
    pub(crate) fn checking() -> Option<Self> {
        Self::start(&[
            "check".to_owned(),
            format!("ours={}", our_schema().display()),
            format!("wide={}", wide_schema().display()),
        ])
    }

    /// Asks for all answers, in the order of the questions.
    pub(crate) fn ask(&mut self, questions: Vec<Value>) -> Vec<Value> {
        let parse = |line: String| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.ask_for_text(questions).into_iter().map(parse).collect()
    }

    /// Asks for all answers as text, which keeps the order of their fields.
    pub(crate) fn ask_for_text(&mut self, questions: Vec<Value>) -> Vec<String> {
        let count = questions.len();
        let mut input = self.child.stdin.take().expect("piped");
        let writer = thread::spawn(move || {
            for question in questions {
                writeln!(input, "{}", with_large_integers_as_text(&question)).expect("node reads");
            }
            input.flush().expect("node reads");
            input
        });
        let answers = (0..count)
            .map(|_| {
                let mut line = String::new();
                let length = self.output.read_line(&mut line).expect("node answers");
                assert!(length > 0, "the reference implementation has ended; see what it printed");
                line
            })
            .collect();
        self.child.stdin = Some(writer.join().expect("the writer"));
        answers
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // A failed test leaves answers unread, and the process would wait for a reader.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The largest integer that JavaScript represents exactly.
const LARGEST_EXACT: u64 = 1 << 53;

/// Writes integers that JavaScript would round as `{"$integer": "…"}`.
pub(crate) fn with_large_integers_as_text(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let large = number.as_i64().map_or_else(|| number.as_u64(), |number| Some(number.unsigned_abs()));
            if large.is_some_and(|large| large > LARGEST_EXACT) {
                json!({"$integer": number.to_string()})
            } else {
                value.clone()
            }
        }
        Value::Array(items) => items.iter().map(with_large_integers_as_text).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), with_large_integers_as_text(value)))
                .collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}
