//! The page that says where each statement and each defect is proved.
//!
//! One row for each: the tests that carry its number in their names, and words where there are none
//! or where they are not all. `cargo xtask coverage` writes the tests, people write the words.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Finding, has_extension};

/// The page.
pub(crate) const PAGE: &str = "docs/protocol/coverage.md";

/// How many statements and defects there are.
const STATEMENTS: u32 = 206;
const DEFECTS: u32 = 16;

/// What words begin with, where no test of the repository is meant to prove a statement.
const ELSEWHERE: [&str; 3] = ["browser wrapper", "metrics", "documentation"];

/// A statement or a defect: `S44`, `D5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Number {
    Statement(u32),
    Defect(u32),
}

impl Number {
    pub(super) fn parse(word: &str) -> Option<Self> {
        let (kind, digits) = word.split_at_checked(1)?;
        let number = || digits.parse().ok().filter(|_| digits.len() <= 3);
        match kind {
            "s" | "S" => number().map(Self::Statement),
            "d" | "D" => number().map(Self::Defect),
            _ => None,
        }
    }

    /// All that there are, in order.
    fn all() -> impl Iterator<Item = Self> {
        (1..=STATEMENTS).map(Self::Statement).chain((1..=DEFECTS).map(Self::Defect))
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Statement(number) => write!(f, "S{number}"),
            Self::Defect(number) => write!(f, "D{number}"),
        }
    }
}

/// The names of the tests of each statement, with the place where they are.
pub(super) type Tests = BTreeMap<Number, BTreeSet<(String, String)>>;

/// Checks that the page says what the tests are, and that nothing is left without a word.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![Finding::new(PAGE, 0, "does not exist")];
    };
    let mut findings = Vec::new();
    if rewritten(&page.text, files) != page.text {
        findings.push(Finding::new(
            PAGE,
            0,
            "names other tests than there are: run `cargo xtask coverage`",
        ));
    }
    let rows = words(&page.text);
    let tests = tests_by_number(files);
    for number in Number::all() {
        let words = rows.get(&number).map_or("", String::as_str);
        if !tests.contains_key(&number) && !ELSEWHERE.iter().any(|kind| words.starts_with(kind)) {
            let what = format!("{number} has neither a test nor a word that says where it belongs");
            findings.push(Finding::new(PAGE, 0, what));
        }
    }
    findings
}

/// The page with the tests that there are and the words that it has.
pub(crate) fn rewritten(page: &str, files: &[File]) -> String {
    let (tests, words) = (tests_by_number(files), words(page));
    let before = page.lines().take_while(|line| row(line).is_none());
    let mut new: String = before.flat_map(|line| [line, "\n"]).collect();
    for number in Number::all() {
        let mut named = Vec::new();
        let mut last = "";
        for (place, name) in tests.get(&number).into_iter().flatten() {
            if place == last {
                named.push(format!(", `{name}`"));
            } else {
                let separator = if last.is_empty() { "" } else { "; " };
                named.push(format!("{separator}{place}: `{name}`"));
                last = place;
            }
        }
        let words = words.get(&number).map_or("", String::as_str);
        for part in ["| ", &number.to_string(), " | ", &named.concat(), " | ", words, " |\n"] {
            new.push_str(part);
        }
    }
    new
}

/// The number of a row of the table, and what its last column says.
fn row(line: &str) -> Option<(Number, &str)> {
    let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
    let number = Number::parse(cells.next()?)?;
    Some((number, cells.nth(1).unwrap_or_default().trim()))
}

fn words(page: &str) -> BTreeMap<Number, String> {
    page.lines().filter_map(row).map(|(number, words)| (number, words.to_owned())).collect()
}

/// The tests of each statement and defect that has any.
pub(super) fn tests_by_number(files: &[File]) -> Tests {
    let mut tests = Tests::new();
    for file in files {
        let Some(place) = place(&file.path) else { continue };
        for name in file.text.lines().filter_map(test_name) {
            // A bar would end the cell.
            let name = name.replace('|', "/");
            for number in numbers(&name) {
                tests.entry(number).or_default().insert((place.to_owned(), name.clone()));
            }
        }
    }
    tests
}

/// What tests in this file belong to: the package's folder.
pub(super) fn place(path: &str) -> Option<&str> {
    if !has_extension(path, &["rs", "ts", "mjs"]) || path.starts_with("xtask/") {
        return None;
    }
    let below =
        if path.starts_with("crates/") || path.starts_with("web/") || path.starts_with("tests/") {
            path.match_indices('/').nth(1)?.0
        } else {
            path.find('/')?
        };
    path.get(..below)
}

/// The name of the test that begins in a line: `fn s055_…` in Rust, `test("s055: …"` in a script.
fn test_name(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("async ");
    if let Some(rest) = line.strip_prefix("fn ") {
        return rest.split('(').next().filter(|name| name.contains('_'));
    }
    line.strip_prefix("test(\"")?.split('"').next()
}

/// The statements and defects that a test's name begins with, joined by what it says of them.
fn numbers(name: &str) -> Vec<Number> {
    name.split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && !matches!(*word, "mended" | "kept"))
        // `s3` is a storage.
        .map_while(|word| Number::parse(word).filter(|_| word.len() == 4 || word.starts_with('d')))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_name_begins_with_what_it_tests() {
        let numbers =
            |name| -> Vec<String> { numbers(name).iter().map(Number::to_string).collect() };
        assert_eq!(numbers("s044_mended_d5_a_connect"), ["S44", "D5"]);
        assert_eq!(numbers("d04_s167_mended_a_failed_renewal"), ["D4", "S167"]);
        assert_eq!(numbers("s155: d1 mended: a failed request"), ["S155", "D1"]);
        assert_eq!(numbers("a_page_of_s55"), [""; 0]);
        assert_eq!(numbers("send_a_message"), [""; 0]);
    }

    #[test]
    fn the_page_gets_the_tests_and_keeps_the_words() {
        let files = [
            file(
                "crates/session/tests/it/a.rs",
                "    fn s001_s002_one() {}\nfn s1_no(\nfn start() {}\n",
            ),
            file("web/chatjs/test/b.test.ts", "test(\"s001: two\", () => {});\n"),
            file("xtask/src/c.rs", "fn s003_not_one() {}\n"),
        ];
        let page = "# Title\n\n| | | |\n| S1 | `old` |  |\n| S3 |  | metrics: later |\n";
        let new = rewritten(page, &files);
        let rows: Vec<&str> = new.lines().collect();
        assert_eq!(rows[..3], ["# Title", "", "| | | |"]);
        assert_eq!(rows[3], "| S1 | crates/session: `s001_s002_one`; web/chatjs: `s001: two` |  |");
        assert_eq!(rows[4], "| S2 | crates/session: `s001_s002_one` |  |");
        assert_eq!(rows[5], "| S3 |  | metrics: later |");
        assert_eq!(rows.len(), 3 + 206 + 16);
        assert_eq!(rewritten(&new, &files), new);
    }

    #[test]
    fn what_has_no_test_needs_a_word() {
        let files = [file(PAGE, "# Title\n| S1 |  | metrics: not here |\n| S2 |  | some day |\n")];
        let findings: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
        assert!(findings[0].contains("run `cargo xtask coverage`"), "{findings:?}");
        assert!(findings[1].contains("S2 has neither"), "{findings:?}");
        assert_eq!(findings.len(), 1 + 205 + 16);
    }
}
