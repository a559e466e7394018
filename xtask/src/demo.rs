//! A server with demo data, and what to do with it.

use std::os::unix::process::CommandExt;

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    command::{cargo, new, run as run_command},
    report::{seconds, timed},
    repository::Repository,
    web,
};

/// How to start the demo.
#[derive(Args)]
pub(crate) struct Options {
    /// The port on 127.0.0.1 that the server listens on.
    #[arg(long, default_value_t = 8090, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Leave out the browser package: no Node needed, and the page at `/` only says how to build
    /// it.
    #[arg(long)]
    no_web: bool,
}

/// Builds what is missing, says what to do next, and becomes the server.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    let (took, built) = timed(|| build(repository, options.no_web));
    built?;
    let program = repository.target("release/chatloom");
    let program_name = program.to_str().context("the path of the target folder is not UTF-8")?;
    println!("\nBuilt in {}.\n{}", seconds(took), next(program_name, options));

    // The server takes this program's place: Ctrl-C and `kill` reach it, and its exit code is the
    // task's.
    let listen = format!("127.0.0.1:{}", options.port);
    let error = new(&program)
        .current_dir(repository.root())
        .args(["serve", "--demo", "--listen", &listen])
        .exec();
    Err(error).with_context(|| format!("cannot start {program_name}"))
}

fn build(repository: &Repository, no_web: bool) -> Result<()> {
    if !no_web {
        web::build(repository)?; // before the server, which carries the bundle inside
    }
    println!("    the first build takes some minutes");
    let build = "build --locked --release --package chatloom-cli";
    run_command(&mut cargo(repository.root(), build))
}

/// What to do once the server listens.
fn next(program: &str, options: &Options) -> String {
    let endpoint = format!("http://127.0.0.1:{}", options.port);
    let page = if options.no_web {
        "A page that says how to build the chat"
    } else {
        "The same in a browser"
    };
    format!(
        "
The server starts now, in this terminal; Ctrl-C stops it. Try this in other terminals:

  A customer (write something, then \"agent\" to ask for a person):
    {program} chat --endpoint {endpoint}

  An agent who takes the chat:
    {program} agent --endpoint {endpoint} --user ana

  {page}:
    {endpoint}/
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_commands_name_the_program_and_the_port() {
        let text = next("/builds/release/chatloom", &Options { port: 9000, no_web: false });
        assert!(
            text.contains("/builds/release/chatloom chat --endpoint http://127.0.0.1:9000\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "/builds/release/chatloom agent --endpoint http://127.0.0.1:9000 --user ana\n"
            ),
            "{text}"
        );
        assert!(text.contains(" http://127.0.0.1:9000/\n"), "{text}");
    }
}
