//! Citations of the protocol pages: `docs/protocol/websocket.md S55`, `docs/protocol/x.md §3.1`.
//!
//! Code and tests cite the page and, after it, sections (`§3.1`), statements (`S55`) or defects
//! (`D5`), several of them joined by commas or words. A test of a statement also carries its
//! number in its name: `s055_two_sessions_share_a_socket` in Rust, `s055: two sessions share a
//! socket` in a script. Every one of them must exist.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Finding, has_extension};

/// Where the pages stand.
const FOLDER: &str = "docs/protocol/";
/// The page whose statements have test names of their own.
const STATEMENTS: &str = "docs/protocol/websocket.md";

/// A page and what is cited of it at one place.
#[derive(Debug, PartialEq, Eq)]
struct Citation {
    line: usize,
    page: String,
    anchors: Vec<String>,
}

/// Checks that every cited page and every cited part of one exists.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let pages: BTreeMap<&str, BTreeSet<String>> = files
        .iter()
        .filter(|file| file.path.starts_with(FOLDER))
        .map(|file| (file.path.as_str(), anchors(&file.text)))
        .collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.path.starts_with("xtask/src/tidy/")) {
        for citation in citations(&file.text) {
            match pages.get(citation.page.as_str()) {
                None => findings.push(Finding::new(
                    &file.path,
                    citation.line,
                    format!("cites {}, which does not exist", citation.page),
                )),
                Some(known) => {
                    for anchor in citation.anchors.iter().filter(|anchor| !known.contains(*anchor))
                    {
                        let what = format!("cites {anchor} of {}, which has none", citation.page);
                        findings.push(Finding::new(&file.path, citation.line, what));
                    }
                }
            }
        }
        if has_extension(&file.path, &["rs", "ts", "mjs"]) {
            let known = pages.get(STATEMENTS);
            for (line, statement) in statement_tests(&file.text) {
                if !known.is_some_and(|known| known.contains(&statement)) {
                    let what = format!("tests {statement}, which {STATEMENTS} does not have");
                    findings.push(Finding::new(&file.path, line, what));
                }
            }
        }
    }
    findings
}

/// Every citation in a text, with the line where its page is named.
fn citations(text: &str) -> Vec<Citation> {
    text.match_indices(FOLDER)
        .filter_map(|(at, _)| {
            let rest = &text[at..];
            let end = rest.find(|character: char| {
                !character.is_ascii_alphanumeric() && !"/._-".contains(character)
            });
            let (page, after) = rest.split_at(end.unwrap_or(rest.len()));
            let page = page.trim_end_matches('.');
            if !has_extension(page, &["md"]) {
                return None; // the folder itself
            }
            let line = text[..at].matches('\n').count() + 1;
            Some(Citation { line, page: page.to_owned(), anchors: cited_anchors(after) })
        })
        .collect()
}

/// The anchors that directly follow the name of a page, joined by commas or joining words.
fn cited_anchors(after: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut first = true;
    for word in after.split(|character: char| character.is_whitespace()) {
        let bare = word.trim_matches(|character: char| "`,;.:()[]{}\"'*".contains(character));
        let glue =
            matches!(bare, "" | "and" | "to" | "or" | "-" | "–" | "//" | "///" | "//!" | "#");
        if glue {
            if word.ends_with('.') && !first {
                break;
            }
            continue;
        }
        // `S12-S14`, `S12/S13` and `S12,S13` are written without spaces.
        let parts: Vec<&str> = bare.split(['-', '–', '/', ',']).collect();
        if !parts.iter().all(|part| is_anchor(part)) {
            break;
        }
        anchors.extend(parts.into_iter().map(str::to_owned));
        first = false;
        if word.ends_with(['.', ';', ')', ':']) {
            break; // the sentence or the parenthesis is over
        }
    }
    anchors
}

/// Whether a word is `S55`, `D5`, `§3` or `§3.1`.
fn is_anchor(word: &str) -> bool {
    if let Some(section) = word.strip_prefix('§') {
        return is_section(section);
    }
    let number = word.strip_prefix(['S', 'D']);
    number.is_some_and(|number| {
        !number.is_empty() && number.chars().all(|character| character.is_ascii_digit())
    })
}

fn is_section(number: &str) -> bool {
    number
        .split('.')
        .all(|part| !part.is_empty() && part.chars().all(|character| character.is_ascii_digit()))
}

/// What a page offers to cite: its numbered headings, and lines or anchors that begin with `S55`
/// or `D5`.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix('#') {
            let heading = heading.trim_start_matches('#').trim_start();
            let number =
                heading.split_whitespace().next().unwrap_or_default().trim_end_matches('.');
            if is_section(number) {
                anchors.insert(format!("§{number}"));
            }
        }
        for (at, mark) in line.match_indices("id=\"") {
            let id = line[at + mark.len()..].split('"').next().unwrap_or_default();
            let id = id.to_ascii_uppercase();
            if is_anchor(&id) {
                anchors.insert(id);
            }
        }
        let start = line.trim_start_matches(|character: char| " |*-#`".contains(character));
        let end = start.find(|character: char| !character.is_ascii_alphanumeric());
        let word = &start[..end.unwrap_or(start.len())];
        if is_anchor(word) {
            anchors.insert(word.to_owned());
        }
    }
    anchors
}

/// The statements that tests are named after: `fn s055_...` in Rust and `test("s055: ...` in a
/// script test `S55`.
fn statement_tests(text: &str) -> Vec<(usize, String)> {
    text.lines()
        .enumerate()
        .filter_map(|(index, line)| {
            let line = line.trim_start().trim_start_matches("async ");
            let name = line.strip_prefix("fn s").or_else(|| line.strip_prefix("test(\"s"))?;
            let (number, rest) = name.split_at_checked(3)?;
            let number: u32 = number.parse().ok().filter(|_| rest.starts_with(['_', ':']))?;
            Some((index + 1, format!("S{number}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cited(text: &str) -> Vec<(String, Vec<String>)> {
        citations(text).into_iter().map(|citation| (citation.page, citation.anchors)).collect()
    }

    fn one(page: &str, anchors: &[&str]) -> (String, Vec<String>) {
        (
            format!("docs/protocol/{page}"),
            anchors.iter().map(|anchor| (*anchor).to_owned()).collect(),
        )
    }

    #[test]
    fn citations_name_a_page_and_parts_of_it() {
        assert_eq!(
            cited("/// Waits (docs/protocol/websocket.md S55, S56 and §1.3) before it ends.\n"),
            [one("websocket.md", &["S55", "S56", "§1.3"])]
        );
        assert_eq!(
            cited("see `docs/protocol/websocket.md` S12-S14. S3 is a store.\n"),
            [one("websocket.md", &["S12", "S14"])]
        );
        assert_eq!(
            cited("// docs/protocol/participant-service.md §7.\n"),
            [one("participant-service.md", &["§7"])]
        );
    }

    #[test]
    fn a_citation_may_go_on_in_the_next_line_of_a_comment() {
        let text = "/// In docs/protocol/defects.md\n    /// D5 and D6, the socket stays.\n";
        assert_eq!(cited(text), [one("defects.md", &["D5", "D6"])]);
    }

    #[test]
    fn a_page_may_be_cited_as_a_whole_and_the_folder_is_no_page() {
        assert_eq!(cited("docs/protocol/README.md says"), [one("README.md", &[])]);
        assert_eq!(cited("everything in docs/protocol/ is cited"), []);
    }

    #[test]
    fn pages_offer_numbered_headings_statements_and_defects() {
        let page = "# Title\n## 1. Frames\n### 1.3 Subscribe\n- **S7** `create` is synchronous.\n\
                    | D5 | a hang |\n<a id=\"s44\"></a>44. text\nSome text S99\n";
        let offered: Vec<String> = anchors(page).into_iter().collect();
        assert_eq!(offered, ["D5", "S44", "S7", "§1", "§1.3"]);
    }

    #[test]
    fn what_does_not_exist_is_reported_with_its_line() {
        let files = [
            File {
                path: "docs/protocol/websocket.md".to_owned(),
                text: "## 1. Frames\n**S7.** Text\n".to_owned(),
            },
            File {
                path: "crates/session/src/lib.rs".to_owned(),
                text: "// docs/protocol/websocket.md S7\n\n// docs/protocol/websocket.md S8\n\
                       // docs/protocol/other.md §1\nfn s007_fine() {}\nfn s009_gone() {}\ntest(\"s010: gone\")\n"
                    .to_owned(),
            },
        ];
        let lines: Vec<usize> = check(&files).into_iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [3, 4, 6, 7]);
    }
}
