//! `chatloom config`: look at the configuration and the keys.

use std::{
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use chatloom_server::{Config, MAX_PASSWORD_BYTES, ServerKeys, hash_password};
use clap::Subcommand;

/// The file that is read when it is there and no other is named.
const DEFAULT_FILE: &str = "chatloom.toml";

/// Where the configuration comes from. Later ones win: the defaults, the file, the environment
/// (CHATLOOM_SECTION_KEY), these arguments.
#[derive(clap::Args)]
pub(crate) struct Source {
    /// The file [default: chatloom.toml, if it is there; a demo reads none by itself]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8090]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Folder of the data and the keys [default: chatloom-data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// What clients reach the server by, such as https://chat.example.org
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Any key, such as http.max_body=256KiB; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Source {
    /// The configuration on top of `base`, and the environment variables that look like keys and are
    /// none.
    pub(crate) fn load(&self, base: Config) -> anyhow::Result<(Config, Vec<String>)> {
        let default = Path::new(DEFAULT_FILE);
        let file = self.config.as_deref().or((!base.demo && default.exists()).then_some(default));
        let mut config = match file {
            Some(path) => base.with_file(path)?,
            None => base,
        };
        let unknown = config.set_from_env(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))?;
        for (key, flag, value) in [
            ("server.listen", "--listen", &self.listen),
            ("server.data", "--data", &self.data),
            ("server.public_url", "--public-url", &self.public_url),
        ] {
            if let Some(value) = value {
                config.set(key, value, flag)?;
            }
        }
        for setting in &self.set {
            let Some((key, value)) = setting.split_once('=') else {
                bail!("--set {setting}: write a key and its value, such as http.max_body=256KiB");
            };
            config.set(key.trim(), value.trim(), "--set")?;
        }
        Ok((config, unknown))
    }
}

/// Look at the configuration and the keys.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print every key with what it means and its present value, as a TOML file; secrets are placeholders.
    Print(Source),
    /// Check the configuration.
    Check(Source),
    /// Print the access keys for back ends. They are secret.
    Keys(Source),
    /// Hash an agent's password, read from standard input, for `password_hash`.
    HashPassword,
}

/// Does what was asked.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let text = match &args.command {
        Command::Print(source) => load(source)?.to_toml(),
        Command::Check(source) => {
            load(source)?.check()?;
            "The configuration is good.\n".to_owned()
        }
        Command::Keys(source) => keys(&load(source)?)?,
        Command::HashPassword => format!("{}\n", hash_password(&read_password()?)?),
    };
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn load(source: &Source) -> anyhow::Result<Config> {
    let (config, unknown) = source.load(Config::default())?;
    let mut stderr = io::stderr().lock();
    for variable in unknown {
        writeln!(stderr, "{variable} names no key and is ignored")
            .context("cannot write to standard error")?;
    }
    Ok(config)
}

/// What a back end needs, in the words of its SDKs.
fn keys(config: &Config) -> anyhow::Result<String> {
    use std::fmt::Write as _;

    let keys = ServerKeys::load(config)?;
    let mut text = format!(
        "region = {}\ninstance = {}\ncontact_flow = {}\n",
        config.instance.region,
        config.instance.id,
        config.default_contact_flow()
    );
    for key in &keys.access {
        let (id, secret) = (&key.id, key.secret.expose());
        writeln!(text, "aws_access_key_id = {id}\naws_secret_access_key = {secret}")?;
    }
    Ok(text)
}

/// The first line of standard input.
fn read_password() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        writeln!(io::stderr(), "Type the password (it is shown), then Enter and Ctrl-D.")
            .context("cannot write to standard error")?;
    }
    let mut text = String::new();
    let limit = MAX_PASSWORD_BYTES as u64 + 3;
    io::stdin()
        .lock()
        .take(limit)
        .read_to_string(&mut text)
        .context("cannot read the password from standard input")?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
