//! Prosody with its archive in files, which it does not wait for the disk to have.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::{Packages, free_port, wait_for};
use crate::process::Server;

pub(super) fn start(packages: &Packages) -> Result<Server> {
    let data = tempfile::tempdir()?;
    let port = free_port()?;
    let folder = data.path().to_str().context("the temporary folder has a name that is no text")?;
    let config = data.path().join("prosody.cfg.lua");
    std::fs::write(&config, configuration(port, folder))?;
    // The program has the places of its parts written into it.
    let root = &packages.root;
    let program = std::fs::read_to_string(root.join("usr/bin/prosody"))?
        .replace("'/usr/lib/prosody", &format!("'{}/usr/lib/prosody", root.display()));
    let script = data.path().join("prosody.lua");
    std::fs::write(&script, program)?;
    let (root, libraries) = (root.display(), packages.libraries.display());
    let mut command = Command::new(packages.root.join("usr/bin/lua5.4"));
    command
        .env(
            "LUA_PATH",
            format!("{root}/usr/share/lua/5.4/?.lua;{root}/usr/share/lua/5.4/?/init.lua;;"),
        )
        .env("LUA_CPATH", format!("{libraries}/lua/5.4/?.so;;"))
        .env("LD_LIBRARY_PATH", &packages.libraries)
        .arg(&script)
        .arg("-F")
        .arg("--config")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut server = Server::of(Vec::new(), format!("127.0.0.1:{port}"), data);
    let process = server.and(command.spawn().context("Lua does not start")?);
    wait_for(port, process).context("Prosody")?;
    Ok(server)
}

fn configuration(port: u16, folder: &str) -> String {
    format!(
        r#"modules_enabled = {{ "saslauth", "roster", "disco", "mam", "smacks", "register_ibr" }}
modules_disabled = {{ "s2s" }}
run_as_root = true
allow_registration = true
authentication = "internal_plain"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
default_archive_policy = true
storage = "internal"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
data_path = "{folder}"
log = {{ error = "{folder}/prosody.log" }}
VirtualHost "localhost"
"#
    )
}
