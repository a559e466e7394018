//! Links between the Markdown files of the repository.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Finding, has_extension};

/// Checks that every relative link leads to a file and, where it names a heading, to that heading.
pub(super) fn check(files: &[File], exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let pages: BTreeMap<&str, BTreeSet<String>> = files
        .iter()
        .filter(|file| has_extension(&file.path, &["md"]))
        .map(|file| (file.path.as_str(), anchors(&file.text)))
        .collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| has_extension(&file.path, &["md"])) {
        for (line, target) in links(&file.text) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { file.path.clone() } else { resolve(&file.path, path) };
            if !exists(&path) {
                let what = format!("links to {target}, but there is no {path}");
                findings.push(Finding::new(&file.path, line, what));
            } else if !anchor.is_empty()
                && pages.get(path.as_str()).is_some_and(|known| !known.contains(anchor))
            {
                let what = format!("links to {target}, but {path} has no such heading");
                findings.push(Finding::new(&file.path, line, what));
            }
        }
    }
    findings
}

/// The lines of a page outside code blocks, numbered from 1.
fn prose(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    page.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        (!code && !fence).then_some((index + 1, line))
    })
}

/// The targets of links to places of the repository.
fn links(page: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (number, line) in prose(page) {
        for (at, mark) in line.match_indices("](") {
            if line[..at].matches('`').count() % 2 == 1 {
                continue; // shown as code
            }
            let target = line[at + mark.len()..].split([')', ' ']).next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !elsewhere && !target.is_empty() {
                links.push((number, target));
            }
        }
    }
    links
}

/// Everything in a page that a link may name: its headings as they are spelled in addresses, and
/// explicit anchors.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for (_, line) in prose(page) {
        for (at, mark) in line.match_indices("id=\"") {
            let id = line[at + mark.len()..].split('"').next().unwrap_or_default();
            anchors.insert(id.to_owned());
        }
        let level = line.chars().take_while(|&character| character == '#').count();
        if let Some(heading) = line[level..].strip_prefix(' ').filter(|_| level > 0) {
            let slug = slug(heading);
            let count = seen.entry(slug.clone()).or_default();
            anchors.insert(if *count == 0 { slug.clone() } else { format!("{slug}-{count}") });
            *count += 1;
        }
    }
    anchors
}

/// A heading as code hosts spell it in an address: lower case, spaces as hyphens, no punctuation.
fn slug(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|character| match character {
            ' ' | '-' => Some('-'),
            '_' => Some('_'),
            other => other.is_alphanumeric().then_some(other),
        })
        .collect()
}

/// The path that a relative link in `from` leads to.
fn resolve(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn broken(files: &[File]) -> Vec<(String, usize)> {
        check(files, |path| files.iter().any(|file| file.path == path))
            .into_iter()
            .map(|finding| (finding.place, finding.line))
            .collect()
    }

    #[test]
    fn links_lead_to_files_and_headings() {
        let files = [
            page(
                "docs/adr/one.md",
                "[a](../b.md#the-heading-2) [c](../b.md#other)\n[d](gone.md)\n",
            ),
            page(
                "docs/b.md",
                "# The heading, 2!\n<a id=\"s44\"></a>\n[self](#the-heading-2) [s](#s44)\n",
            ),
        ];
        assert_eq!(
            broken(&files),
            [("docs/adr/one.md".to_owned(), 1), ("docs/adr/one.md".to_owned(), 2)]
        );
    }

    #[test]
    fn addresses_and_code_are_no_links_to_check() {
        let text = "[w](https://example.com/x.md) `[a](gone.md)`\n```\n[b](gone.md)\n```\n";
        assert_eq!(broken(&[page("README.md", text)]), []);
    }

    #[test]
    fn a_second_heading_of_the_same_name_is_numbered() {
        let names: Vec<String> = anchors("# One\n# One\n").into_iter().collect();
        assert_eq!(names, ["one", "one-1"]);
    }
}
