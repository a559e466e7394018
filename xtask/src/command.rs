//! Starting other programs.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// A command without the variables that cargo sets for the program it runs.
///
/// They describe the task runner, and build scripts that watch them would run again whenever a
/// build is started here after one that was started by hand.
pub(crate) fn new(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let described = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
                || name.starts_with("CARGO_BIN_")
        });
        if described {
            command.env_remove(name);
        }
    }
    command
}

/// The cargo that started this program, in `folder`, with arguments that contain no blanks.
pub(crate) fn cargo(folder: &Path, arguments: &str) -> Command {
    let mut command = new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).args(arguments.split_whitespace());
    command
}

/// Shows the command, runs it with this program's output, and fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    println!("    $ {shown}");
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// Runs the command without showing it; gives its standard output, or fails with its standard
/// error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!(
            "`{shown}` failed: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{shown}` printed something else than UTF-8"))
}

/// The first program of that name in the folders of `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// The command as one would type it, with the program by its last name.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let mut shown = program.into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        shown.push(' ');
        if argument.contains(char::is_whitespace) {
            shown.push('\'');
            shown.push_str(argument.lines().next().unwrap_or_default());
            shown.push('\'');
        } else {
            shown.push_str(&argument);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/usr/lib/cargo");
        command.args(["test", "-p", "chatloom", "two words"]);
        assert_eq!(shown(&command), "cargo test -p chatloom 'two words'");
    }

    #[test]
    fn a_command_that_fails_says_what_it_was_and_what_it_said() {
        let error = output(new("cargo").arg("no-such-command-here")).unwrap_err().to_string();
        assert!(error.starts_with("`cargo no-such-command-here` failed"), "{error}");
        assert!(error.contains("no such command"), "{error}");
    }
}
