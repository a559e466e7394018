//! Made-up requests by the document in which the server describes its own endpoints, made by
//! schemathesis: what is answered is what the document says, and never that the server has failed.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

use crate::{
    command::{new, run},
    e2e,
    repository::Repository,
    tools::python,
};

/// Credentials, and names of things that are there.
const HOOKS: &str = "tests/openapi";

/// Opens what only a test may do.
const CHAOS_KEY: &str = "made-up requests show this";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

/// Makes requests for every operation, the same ones each time.
pub(crate) fn test(repository: &Repository) -> Result<()> {
    check(repository, &["--max-examples", "20", "--generation-deterministic"])
}

/// Makes other requests each time, for so long.
pub(crate) fn fuzz(repository: &Repository, seconds: u32) -> Result<()> {
    check(repository, &["--max-time", &seconds.to_string()])
}

fn check(repository: &Repository, how: &[&str]) -> Result<()> {
    let python = python::provide(repository)?;
    let server = Server::start(new(e2e::program(repository)?))?;
    let document = format!("{}/v1/openapi.json", server.url);
    // What is slow on a busy machine is not wrong.
    let patience = ["--request-timeout", "120", "--suppress-health-check", "all"];
    run(new(python)
        .current_dir(repository.target(""))
        .args(["-m", "schemathesis.cli", "run", &document, "--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing", "--warnings", "off", "--no-color"])
        .args(patience)
        .args(how)
        .env("PYTHONPATH", repository.path(HOOKS))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("CHATLOOM_URL", &server.url)
        .env("CHATLOOM_CHAOS_KEY", CHAOS_KEY))
}

/// A demo server, which ends with this.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(mut program: Command) -> Result<Self> {
        let process = program
            .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--set"])
            .arg(format!("chaos.key={CHAOS_KEY}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the server")?;
        let mut server = Self { process, url: String::new() };
        let output = server.process.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(output).lines();
        let url = lines.find_map(|line| Some(line.ok()?.strip_prefix("listening on ")?.to_owned()));
        server.url = url.context("the server does not say where it listens")?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
