//! The page that goes through the original's README, statement by statement.
//!
//! The last cell of each row says what proves it: numbers of statements and defects that tests
//! carry in their names, names of other tests, or `none:` and a word.

use std::collections::BTreeSet;

use super::{
    File, Finding,
    coverage::{Number, tests_by_number},
    has_extension,
};

/// The page.
const PAGE: &str = "docs/chatjs-readme.md";

/// Checks that the rows are numbered through and that what they name exists.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![Finding::new(PAGE, 0, "does not exist")];
    };
    let named: BTreeSet<&str> = files.iter().flat_map(test_names).collect();
    let numbered = tests_by_number(files);
    let mut findings = Vec::new();
    let mut last = 0;
    for (index, line) in page.text.lines().enumerate() {
        let Some((number, proof)) = row(line) else { continue };
        let mut object = |what| findings.push(Finding::new(PAGE, index + 1, what));
        if number != last + 1 {
            object(format!("R{number} follows R{last}"));
        }
        last = number;
        if proof.strip_prefix("none:").is_some_and(|word| !word.trim().is_empty()) {
            continue;
        }
        for part in parts(proof) {
            let exists = match part.strip_prefix('`').and_then(|part| part.strip_suffix('`')) {
                Some(name) => named.contains(name),
                None => Number::parse(part).is_some_and(|number| numbered.contains_key(&number)),
            };
            if !exists {
                object(format!("R{number} names {part}, which no test is"));
            }
        }
        if parts(proof).is_empty() {
            object(format!("R{number} has neither a test nor a word after `none:`"));
        }
    }
    if last == 0 {
        findings.push(Finding::new(PAGE, 0, "has no rows"));
    }
    findings
}

/// The number of a row and its last cell.
fn row(line: &str) -> Option<(u32, &str)> {
    let cells = line.strip_prefix("| R")?.strip_suffix(" |")?;
    let (number, cells) = cells.split_once(" | ")?;
    let (_, proof) = cells.rsplit_once(" | ")?;
    Some((number.parse().ok()?, proof.trim()))
}

/// The parts of a list with commas, of which some are names between backticks that hold commas.
fn parts(list: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = list.trim();
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('`').and_then(|name| name.find('`')).map(|at| at + 2);
        let end = quoted.or_else(|| rest.find(',')).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(part.trim());
        rest = after.trim_start_matches([',', ' ']);
    }
    parts
}

/// The names of the tests in a file.
fn test_names(file: &File) -> Vec<&str> {
    if has_extension(&file.path, &["rs"]) {
        rust_tests(&file.text)
    } else if has_extension(&file.path, &["ts", "mjs"]) && file.path.contains(".test.") {
        script_tests(&file.text)
    } else {
        Vec::new()
    }
}

/// Functions that an attribute makes a test.
fn rust_tests(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.contains("::test");
        } else if let Some(rest) = line.trim_start_matches("async ").strip_prefix("fn ") {
            if is_test {
                names.extend(rest.split('(').next());
            }
            is_test = false;
        }
    }
    names
}

/// `test("..."` and what tests/e2e declares its tests with, also where the name is in a line of its
/// own.
fn script_tests(text: &str) -> Vec<&str> {
    ["test(", "scenario(", "alike("]
        .iter()
        .flat_map(|call| text.match_indices(call))
        .filter_map(|(at, call)| {
            let name = text[at + call.len()..].trim_start().strip_prefix('"')?;
            name.split('"').next()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn objections(rows: &str) -> Vec<String> {
        let files = [
            file(PAGE, rows),
            file("crates/a/tests/it/b.rs", "#[test]\nfn s007_here() {}\nfn no_test() {}\n"),
            file("crates/a/src/c.rs", "    #[tokio::test]\n    async fn waits() {}\n"),
            file("tests/e2e/d.test.mjs", "scenario(\n  \"one, and two\",\n  async () => {}\n);\n"),
            file("tests/e2e/lib/e.mjs", "scenario(\"elsewhere\")\n"),
        ];
        check(&files).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn rows_name_tests_that_exist() {
        let rows = "# Title\n| # | old | Tests |\n|---|---|---|\n\
                    | R1 | a | S7, `waits` |\n| R2 | b | `one, and two`, S7 |\n\
                    | R3 | c | none: no code |\n";
        assert_eq!(objections(rows), [""; 0]);
    }

    #[test]
    fn what_does_not_exist_is_named() {
        let rows = "| R1 | a | S8 |\n| R2 | b | `no_test`, `elsewhere` |\n| R3 | c | some day |\n";
        assert_eq!(
            objections(rows),
            [
                "R1 names S8, which no test is",
                "R2 names `no_test`, which no test is",
                "R2 names `elsewhere`, which no test is",
                "R3 names some day, which no test is",
            ]
        );
    }

    #[test]
    fn no_row_is_lost_or_empty() {
        assert_eq!(objections("| R1 | a | S7 |\n| R3 | b | S7 |\n"), ["R3 follows R1"]);
        assert_eq!(
            objections("| R1 | a |  |\n| R2 | b | none: |\n"),
            ["R1 has neither a test nor a word after `none:`", "R2 names none:, which no test is",]
        );
        assert_eq!(objections("# Title\n"), ["has no rows"]);
    }
}
