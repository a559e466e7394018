//! ejabberd with its archive in Postgres, both with their defaults where the work does not ask for more.

use std::{
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{Packages, first, free_port, wait_for};
use crate::process::Server;

/// Who Postgres runs as where this program is root's, which it refuses to be.
const NOBODY: u32 = 65_534;

pub(super) fn start(packages: &Packages) -> Result<Server> {
    let data = tempfile::tempdir()?;
    let postgres = Postgres::new(packages, data.path())?;
    let (database, database_port) = postgres.start(packages).context("Postgres")?;
    let port = free_port()?;
    let config = data.path().join("ejabberd.yml");
    std::fs::write(&config, configuration(port, database_port))?;
    let erlang = packages.root.join("usr/lib/erlang");
    let runtime = first(&erlang, |name| name.starts_with("erts-"))?.join("bin");
    let mut command = Command::new(runtime.join("erlexec"));
    command
        .env("ROOTDIR", &erlang)
        .env("BINDIR", &runtime)
        .env("EMU", "beam")
        .env("PROGNAME", "erl")
        .env("HOME", data.path())
        .env("ERL_LIBS", &packages.libraries)
        .env("LD_LIBRARY_PATH", &packages.libraries)
        .env("EJABBERD_CONFIG_PATH", &config)
        .env("EJABBERD_LOG_PATH", data.path().join("ejabberd.log"))
        // As Debian's own script starts it.
        .args(["+K", "true", "+P", "250000", "-noinput", "-mnesia", "dir"])
        .arg(format!("\"{}\"", data.path().join("mnesia").display()))
        .args(["-s", "ejabberd"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // From here on both are stopped when this fails.
    let mut server = Server::of(vec![database], format!("127.0.0.1:{port}"), data);
    let process = server.and(command.spawn().context("Erlang does not start")?);
    wait_for(port, process).context("ejabberd")?;
    Ok(server)
}

fn configuration(port: u16, database_port: u16) -> String {
    format!(
        r#"hosts: [localhost]
loglevel: error
listen:
  - {{port: {port}, ip: "127.0.0.1", module: ejabberd_c2s, starttls: false, access: all}}
auth_method: internal
registration_timeout: infinity
sql_type: pgsql
sql_server: "127.0.0.1"
sql_port: {database_port}
sql_database: postgres
sql_username: ejabberd
modules:
  mod_disco: {{}}
  mod_roster: {{}}
  mod_register: {{ip_access: all, access: all}}
  mod_stream_mgmt: {{}}
  mod_mam: {{db_type: sql, default: always}}
"#
    )
}

/// A database for ejabberd.
struct Postgres {
    programs: PathBuf,
    libraries: PathBuf,
    folder: PathBuf,
    is_root: bool,
}

impl Postgres {
    fn new(packages: &Packages, data: &Path) -> Result<Self> {
        let folder = data.join("postgres");
        std::fs::create_dir(&folder)?;
        let is_root = std::fs::metadata("/proc/self")?.uid() == 0;
        if is_root {
            chown(&folder, Some(NOBODY), Some(NOBODY))?;
            // Others may pass through on their way to it.
            chown(data, None, Some(NOBODY))?;
            std::fs::set_permissions(data, PermissionsExt::from_mode(0o710))?;
        }
        let programs = postgres_programs(&packages.root)?;
        Ok(Self { programs, libraries: packages.libraries.clone(), folder, is_root })
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command
            .env("LD_LIBRARY_PATH", &self.libraries)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// A program that talks to it.
    fn client(&self, name: &str, port: u16) -> Command {
        let mut command = self.program(name);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command
    }

    fn psql(&self, port: u16) -> Command {
        let mut command = self.client("psql", port);
        command.args(["--username", "ejabberd", "--dbname", "postgres", "--quiet"]);
        command.args(["--set", "ON_ERROR_STOP=1"]);
        command
    }

    /// Starts it with ejabberd's tables; its process and port.
    fn start(&self, packages: &Packages) -> Result<(Child, u16)> {
        let made = self
            .program("initdb")
            .args(["--auth", "trust", "--username", "ejabberd", "--encoding", "UTF8"])
            .args(["--no-locale", "--pgdata"])
            .arg(&self.folder)
            .status()?;
        ensure!(made.success(), "no database can be made: {made}");
        let port = free_port()?;
        let mut process = self
            .program("postgres")
            .arg("-D")
            .arg(&self.folder)
            .args(["-p", &port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .spawn()?;
        let filled = wait_for(port, &mut process).and_then(|()| self.make_tables(packages, port));
        if filled.is_err() {
            let _ = process.kill();
            let _ = process.wait();
        }
        filled.map(|()| (process, port))
    }

    fn make_tables(&self, packages: &Packages, port: u16) -> Result<()> {
        // It listens a moment before it lets anybody in.
        for _ in 0..200 {
            if self.client("pg_isready", port).status()?.success() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let tables = packages.root.join("usr/share/ejabberd/sql/pg.sql");
        let tables = std::fs::File::open(&tables).with_context(|| tables.display().to_string())?;
        let made = self.psql(port).stdin(tables).status()?;
        ensure!(made.success(), "ejabberd's tables cannot be made: {made}");
        Ok(())
    }
}

/// The newest Postgres of the system, else that of the packages.
fn postgres_programs(packages: &Path) -> Result<PathBuf> {
    let mut found: Vec<PathBuf> = [Path::new("/"), packages]
        .iter()
        .filter_map(|root| std::fs::read_dir(root.join("usr/lib/postgresql")).ok())
        .flat_map(|versions| versions.flatten().map(|version| version.path().join("bin")))
        .filter(|programs| programs.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().context("neither this system nor the packages have it")
}
