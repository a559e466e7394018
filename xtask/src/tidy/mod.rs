//! Checks of the files and of the dependency tree that no compiler makes.

mod citations;
mod coverage;
mod dependencies;
mod facts;
mod links;
mod readme;
mod words;

use std::{fmt, fs};

use anyhow::{Context, Result, bail};

use crate::repository::Repository;

/// The largest file that belongs in the repository, in bytes.
const LARGEST: u64 = 400 * 1024;

/// Something that a check objects to.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// The file, relative to the top folder, or the package.
    place: String,
    /// The line, counted from 1; 0 if the whole file is meant.
    line: usize,
    what: String,
}

impl Finding {
    fn new(place: &str, line: usize, what: impl Into<String>) -> Self {
        Self { place: place.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(formatter, "{}: {}", self.place, self.what)
        } else {
            write!(formatter, "{}:{}: {}", self.place, self.line, self.what)
        }
    }
}

/// A text file of the repository.
struct File {
    /// Relative to the top folder, with `/` between its parts.
    path: String,
    text: String,
}

/// Whether the last part of the path ends with a dot and one of these.
fn has_extension(path: &str, extensions: &[&str]) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
}

/// Writes the tests that there are into the page that names them.
pub(crate) fn write_coverage(repository: &Repository) -> Result<()> {
    let mut files = Vec::new();
    for path in repository.files()? {
        if let Ok(text) = String::from_utf8(fs::read(repository.path(&path))?) {
            files.push(File { path, text });
        }
    }
    let page = repository.path(coverage::PAGE);
    let text =
        fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    fs::write(&page, coverage::rewritten(&text, &files))?;
    println!("{} names the tests that there are", coverage::PAGE);
    Ok(())
}

/// Runs all checks and prints everything they object to.
pub(crate) fn run(repository: &Repository) -> Result<()> {
    let paths = repository.files()?;
    let mut findings = Vec::new();
    let mut files = Vec::new();
    for path in &paths {
        let bytes =
            fs::read(repository.path(path)).with_context(|| format!("cannot read {path}"))?;
        if bytes.len() as u64 > LARGEST {
            findings.push(Finding::new(
                path,
                0,
                format!(
                    "{} bytes: files larger than {LARGEST} do not belong in the repository",
                    bytes.len()
                ),
            ));
        }
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File { path: path.clone(), text });
        }
    }
    findings.extend(dependencies::check(repository)?);
    findings.extend(words::check(&files));
    findings.extend(citations::check(&files));
    findings.extend(coverage::check(&files));
    findings.extend(facts::check(&files));
    findings.extend(readme::check(&files));
    findings.extend(links::check(&files, |path| repository.path(path).exists()));

    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!(
                "    {} files and {} packages looked at",
                paths.len(),
                repository.packages().len()
            );
            Ok(())
        }
        count => bail!("{count} objections, see above"),
    }
}
