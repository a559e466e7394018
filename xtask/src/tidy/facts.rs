//! The page that says where each fact about the Participant Service is kept.
//!
//! A fact is a line of a list, a row of a table or a paragraph of docs/protocol/participant-service.md,
//! up to the section that lists what nobody knows. The page has a row for each, by its section and its
//! first words, with the tests that hold the server to it, and words where there is no test or where
//! the server does otherwise. People write it; this checks that nothing is missing or made up.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Finding, coverage::place};

/// The page.
const PAGE: &str = "docs/protocol/facts.md";
/// Where the facts are.
const SOURCE: &str = "docs/protocol/participant-service.md";
/// The last section with facts.
const LAST: u32 = 13;
/// How much of a fact stands in its row, in characters.
const OPENING: usize = 64;

/// What words begin with.
const WORDS: [&str; 4] = ["client:", "Amazon:", "not offered:", "decision:"];
/// Those that may stand without a test: there is nothing here to be tested.
const ALONE: [&str; 3] = ["client:", "Amazon:", "not offered:"];

/// A fact: its section and its first words.
type Fact = (String, String);

/// A row of the page.
struct Row {
    line: usize,
    fact: Fact,
    /// The folder of a package, and a test in it.
    tests: Vec<(String, String)>,
    words: String,
}

/// Checks the page against the facts and the tests that there are.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let find = |path: &str| files.iter().find(|file| file.path == path);
    let (Some(page), Some(source)) = (find(PAGE), find(SOURCE)) else {
        return vec![Finding::new(PAGE, 0, format!("this or {SOURCE} does not exist"))];
    };
    let mut findings = Vec::new();
    let mut facts: BTreeMap<Fact, bool> = BTreeMap::new();
    for (line, fact) in facts_of(&source.text) {
        if facts.insert(fact.clone(), false).is_some() {
            let what = format!("another fact of §{} begins with {:?} too", fact.0, fact.1);
            findings.push(Finding::new(SOURCE, line, what));
        }
    }
    let tests = tests(files);
    for row in rows(&page.text) {
        let mut object = |what: String| findings.push(Finding::new(PAGE, row.line, what));
        let (section, opening) = &row.fact;
        match facts.get_mut(&row.fact) {
            None => object(format!("§{section} has no fact that begins with {opening:?}")),
            Some(true) => object(format!("§{section}, {opening:?} has two rows")),
            Some(seen) => *seen = true,
        }
        for test in row.tests.iter().filter(|test| !tests.contains(*test)) {
            object(format!("there is no test {} in {}", test.1, test.0));
        }
        let begins = |kinds: &[&str]| kinds.iter().any(|kind| row.words.starts_with(kind));
        if !row.words.is_empty() && !begins(&WORDS) {
            object(format!("{:?} begins with none of {}", row.words, WORDS.join(" ")));
        }
        if row.tests.is_empty() && !begins(&ALONE) {
            object(format!("§{section}, {opening:?} has neither a test nor words without one"));
        }
    }
    for ((section, opening), _) in facts.iter().filter(|(_, seen)| !**seen) {
        let what = format!("§{section} has a fact without a row: {opening:?}");
        findings.push(Finding::new(PAGE, 0, what));
    }
    findings
}

/// The facts of the page, with their lines.
fn facts_of(text: &str) -> Vec<(usize, Fact)> {
    let mut facts = Vec::new();
    let mut section = String::new();
    // The first two lines of a table are its head.
    let mut of_table = 0;
    for (number, line) in (1..).zip(text.lines()) {
        of_table = if line.starts_with('|') { of_table + 1 } else { 0 };
        if let Some(found) = heading(line) {
            found.clone_into(&mut section);
        }
        let top = section.split('.').next().and_then(|top| top.parse::<u32>().ok());
        let is_told = top.is_some_and(|top| top <= LAST) && !line.trim().is_empty();
        if !is_told || line.starts_with('#') || (1..=2).contains(&of_table) {
            continue;
        }
        let told = if of_table > 2 {
            cells(line).first().cloned().unwrap_or_default()
        } else {
            without_bullet(line).to_owned()
        };
        facts.push((number, (section.clone(), opening(&told))));
    }
    facts
}

/// The number of a section: `### 1.3 The bearer header`.
fn heading(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("### ").or_else(|| line.strip_prefix("## "))?;
    let number = rest.split(' ').next()?.trim_end_matches('.');
    number.starts_with(|digit: char| digit.is_ascii_digit()).then_some(number)
}

fn without_bullet(line: &str) -> &str {
    if let Some(rest) = line.strip_prefix("* ") {
        return rest;
    }
    match line.split_once(". ") {
        Some((number, rest)) if number.chars().all(|digit| digit.is_ascii_digit()) => rest,
        _ => line,
    }
}

/// The cells of a row. A bar that belongs to a cell is written `\|`.
fn cells(line: &str) -> Vec<String> {
    let inside = line.trim().trim_start_matches('|').trim_end_matches('|');
    let inside = inside.replace("\\|", "\0");
    inside.split('|').map(|cell| cell.trim().replace('\0', "/")).collect()
}

/// The first words of a fact, as a reader sees them.
fn opening(told: &str) -> String {
    let plain = plain(told);
    let mut opening = String::new();
    for word in plain.split_whitespace() {
        if !opening.is_empty() {
            if opening.chars().count() + 1 + word.chars().count() > OPENING {
                break;
            }
            opening.push(' ');
        }
        opening.push_str(word);
    }
    opening
}

/// Without marks and the targets of links.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let (before, name) = before.rsplit_once('[').unwrap_or((before, ""));
        plain.extend([before, name]);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain.replace("\\|", "/").replace('|', "/").replace(['`', '*', '<', '>'], "")
}

/// The rows of the page's tables: `| §1.3 | first words | tests | words |`.
fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let cells = cells(text);
        let [section, opening, tests, words] = &cells[..] else { continue };
        let Some(section) = section.strip_prefix('§') else { continue };
        rows.push(Row {
            line,
            fact: (section.to_owned(), opening.clone()),
            tests: named(tests),
            words: words.clone(),
        });
    }
    rows
}

/// Tests as they are named in a row: `` crates/wire: `a`, `b`; tests/e2e: `c` ``.
fn named(cell: &str) -> Vec<(String, String)> {
    let mut named = Vec::new();
    for group in cell.split("; ").filter(|group| !group.is_empty()) {
        let (place, tests) = group.split_once(": ").unwrap_or((group, "` `"));
        let tests = tests.split('`').skip(1).step_by(2);
        named.extend(tests.map(|test| (place.to_owned(), test.to_owned())));
    }
    named
}

/// All tests, with the folders of their packages.
fn tests(files: &[File]) -> BTreeSet<(String, String)> {
    let mut tests = BTreeSet::new();
    for file in files {
        // `place` knows no Python.
        let path = file.path.replace(".py", ".rs");
        let Some(place) = place(&path) else { continue };
        let mut is_next = false;
        for line in file.text.lines().map(str::trim_start) {
            is_next |= line == "#[test]" || line.starts_with("#[tokio::test");
            let after = |start| line.strip_prefix(start);
            let function = after("fn ").or_else(|| after("async fn ")).filter(|_| is_next);
            is_next &= function.is_none();
            let python = after("def ").filter(|name| name.starts_with("test_"));
            let script = after("test(\"").and_then(|rest| rest.split('"').next());
            let name = function.or(python).and_then(|rest| rest.split('(').next()).or(script);
            tests.extend(name.map(|name| (place.to_owned(), name.replace('|', "/"))));
        }
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: &str = "# Title\nNo fact.\n\n## 1. One\n\n### 1.1 A [M]\n\nA *fact* of `one` \
                         ([there](x.md)).\n\n| Head | of |\n|---|---|\n| `a\\|b` | x |\n\n* first\n\
                         1. second\n\n## 14. Unconfirmed\n\nNo fact either.\n";

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn objections(rows: &str) -> Vec<String> {
        let files = [
            file(SOURCE, FACTS),
            file(PAGE, rows),
            file("crates/wire/src/a.rs", "    #[test]\n    fn a_test() {\n    fn no_test() {\n"),
            file("tests/e2e/b.py", "    def test_it(self):\n"),
        ];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn facts_are_rows_lines_and_paragraphs() {
        let facts: Vec<_> = facts_of(FACTS).into_iter().map(|(_, fact)| fact.1).collect();
        assert_eq!(facts, ["A fact of one (there).", "a/b", "first", "second"]);
        assert_eq!(opening(&"word ".repeat(30)).len(), 64);
    }

    #[test]
    fn a_page_without_a_flaw_passes() {
        let page = "| section | fact | tests | |\n|---|---|---|---|\n\
                    | §1.1 | A fact of one (there). | crates/wire: `a_test`; tests/e2e: `test_it` |  |\n\
                    | §1.1 | a/b |  | client: S1 |\n\
                    | §1.1 | first | crates/wire: `a_test` | decision: [ADR](x.md) |\n\
                    | §1.1 | second |  | not offered: here |\n";
        assert_eq!(objections(page), [""; 0]);
    }

    #[test]
    fn what_is_missing_or_made_up_is_named() {
        let found = objections(
            "| §1.1 | A fact of one (there). | crates/wire: `no_test` |  |\n\
             | §1.1 | a/b |  | decision: without a test |\n\
             | §1.1 | a/b |  | some day |\n\
             | §1.2 | nothing |  | client: S1 |\n\
             | §1.1 | first | somewhere |  |\n",
        );
        let expected = [
            "facts.md:1: there is no test no_test in crates/wire",
            "facts.md:2: §1.1, \"a/b\" has neither a test nor words without one",
            "facts.md:3: §1.1, \"a/b\" has two rows",
            "facts.md:3: \"some day\" begins with none of",
            "facts.md:3: §1.1, \"a/b\" has neither",
            "facts.md:4: §1.2 has no fact that begins with \"nothing\"",
            "facts.md:5: there is no test   in somewhere",
            "facts.md: §1.1 has a fact without a row: \"second\"",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found} is not {expected}");
        }
    }
}
