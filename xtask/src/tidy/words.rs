//! Words that must not stand in certain files.

use super::{File, Finding, has_extension};

/// A word, where it must not stand, and why.
struct Rule {
    word: &'static str,
    /// Whether the rule looks at this file.
    within: fn(&str) -> bool,
    reach: Reach,
    because: &'static str,
}

/// How much of a file a rule looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    All,
    /// All but comments.
    Code,
    /// The code without the unit tests, which stand at the end of a file.
    Shipped,
}

use Reach::{All, Code, Shipped};

const RULES: &[Rule] = &[
    rule(concat!("to", "do!("), rust, Code, "unfinished code is not committed"),
    rule(concat!("unimple", "mented!("), rust, Code, "unfinished code is not committed"),
    rule(concat!("FIX", "ME"), any, All, "a defect is mended or filed, not noted in the code"),
    rule(concat!("TO", "DO"), source, All, "what is to be done is filed, not noted in the code"),
    rule(concat!("#[", "ignore"), rust, Code, "a test that does not run is no test"),
    rule(concat!(".sk", "ip("), script_test, Code, "a test that does not run is no test"),
    rule(concat!(".on", "ly("), script_test, Code, "it keeps all other tests from running"),
    rule(
        concat!("un", "safe"),
        safe_rust,
        Code,
        "it belongs in crates/wasm, the counting allocator and the disk of the tests alone",
    ),
    rule("rusqlite", handler, All, "handlers know no SQL: they call the store"),
    rule("SELECT ", handler, All, "handlers know no SQL: they call the store"),
    rule("INSERT ", handler, All, "handlers know no SQL: they call the store"),
    rule("Instant", sans_io, Shipped, "the crates without I/O are told the time"),
    rule("SystemTime", sans_io, Shipped, "the crates without I/O are told the time"),
    rule("std::thread", sans_io, Shipped, "the crates without I/O have no threads"),
    rule("std::net", sans_io, Shipped, "the crates without I/O open no sockets"),
    rule("std::fs", sans_io, Shipped, "the crates without I/O read no files"),
    rule("std::env", sans_io, Shipped, "the crates without I/O are told their configuration"),
    rule("async", sans_io, Shipped, "the crates without I/O wait for nothing"),
    rule(
        "HashMap",
        sans_io,
        Shipped,
        "its order differs from run to run, and the same inputs must give the same outputs: use \
         BTreeMap",
    ),
    rule(
        "HashSet",
        sans_io,
        Shipped,
        "its order differs from run to run, and the same inputs must give the same outputs: use \
         BTreeSet",
    ),
    rule("println", sans_io, Shipped, "the crates without I/O print nothing"),
];

const fn rule(
    word: &'static str,
    within: fn(&str) -> bool,
    reach: Reach,
    because: &'static str,
) -> Rule {
    Rule { word, within, reach, because }
}

fn any(_: &str) -> bool {
    true
}

fn rust(path: &str) -> bool {
    has_extension(path, &["rs"])
}

fn script(path: &str) -> bool {
    has_extension(path, &["js", "mjs", "cjs", "ts", "mts", "tsx"])
}

fn source(path: &str) -> bool {
    rust(path) || script(path) || has_extension(path, &["py", "sql", "toml", "html", "css"])
}

fn script_test(path: &str) -> bool {
    script(path) && (path.contains(".test.") || path.contains("test/") || path.contains("tests/"))
}

fn safe_rust(path: &str) -> bool {
    // A counting allocator, and a file system for SQLite that fails when it is told to.
    let others = ["bench/src/core/main.rs", "crates/server/tests/it/disk/vfs.rs"];
    rust(path) && !path.starts_with("crates/wasm/") && !others.contains(&path)
}

fn handler(path: &str) -> bool {
    path.starts_with("crates/server/src/http/")
}

/// The sources of the crates without I/O, not their tests: a test may do what it likes.
fn sans_io(path: &str) -> bool {
    rust(path)
        && ["crates/wire/src/", "crates/session/src/", "crates/engine/src/"]
            .iter()
            .any(|folder| path.starts_with(folder))
}

/// Looks for every word in every file that its rule looks at.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    files.iter().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(|rule| (rule.within)(&file.path)) {
        let shipped = |line: &&str| rule.reach != Shipped || *line != "#[cfg(test)]";
        for (index, line) in file.text.lines().take_while(shipped).enumerate() {
            let line = if rule.reach == All { line } else { without_comment(&file.path, line) };
            if contains_word(line, rule.word) {
                let what = format!("`{}`: {}", rule.word.trim_end(), rule.because);
                findings.push(Finding::new(&file.path, index + 1, what));
            }
        }
    }
    findings
}

/// The line up to a `//` comment; the `//` of an address, after a colon, begins none.
fn without_comment<'line>(path: &str, line: &'line str) -> &'line str {
    if !rust(path) && !script(path) {
        return line;
    }
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// Whether the word stands in the line, not as a part of a longer one such as `a_word` or `a-word`.
fn contains_word(line: &str, word: &str) -> bool {
    let part = |character: char| character.is_alphanumeric() || "_-".contains(character);
    line.match_indices(word).any(|(at, _)| {
        let joins_before =
            word.starts_with(part) && line[..at].chars().next_back().is_some_and(part);
        let joins_after =
            word.ends_with(part) && line[at + word.len()..].chars().next().is_some_and(part);
        !joins_before && !joins_after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        check_file(&file).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn unsafe_code_is_found_outside_the_wasm_crate_only() {
        let text = concat!("fn one() {}\nfn two() { un", "safe { three() } }\n");
        assert_eq!(lines("crates/server/src/lib.rs", text), [2]);
        assert_eq!(lines("crates/wasm/src/lib.rs", text), [0; 0]);
    }

    #[test]
    fn a_word_counts_as_a_whole_and_outside_comments() {
        let word = concat!("un", "safe");
        let text =
            format!("#![deny(unsafe_code)]\n// never {word}\nlet u = \"http://x\"; {word} {{}}\n");
        assert_eq!(lines("crates/server/src/lib.rs", &text), [3]);
    }

    #[test]
    fn crates_without_io_use_no_ordinary_maps_in_their_sources() {
        let text = "use std::collections::HashMap;\n";
        assert_eq!(lines("crates/session/src/lib.rs", text), [1]);
        assert_eq!(lines("crates/session/tests/it/main.rs", text), [0; 0]);
        assert_eq!(lines("crates/session/src/lib.rs", &format!("#[cfg(test)]\n{text}")), [0; 0]);
        assert_eq!(lines("crates/client/src/lib.rs", text), [0; 0]);
    }

    #[test]
    fn iterators_may_leave_out_elements_but_tests_run_all() {
        let text = concat!("list.sk", "ip(1)\n");
        assert_eq!(lines("crates/wire/src/lib.rs", text), [0; 0]);
        assert_eq!(lines("web/chatjs/src/host.ts", text), [0; 0]);
        assert_eq!(lines("web/chatjs/test/host.test.ts", text), [1]);
    }

    #[test]
    fn handlers_hold_no_statements_of_sql() {
        let text = "let statement = \"SELECT id FROM chat\";\n";
        assert_eq!(lines("crates/server/src/http/contact.rs", text), [1]);
        assert_eq!(lines("crates/server/src/store/sqlite.rs", text), [0; 0]);
    }
}
