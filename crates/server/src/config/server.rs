//! Where the server listens.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    Config, ConfigError, Network, Period,
    section::{Check, section},
};

section! {
    /// Where the server listens and keeps its data.
    pub struct ServerSection {
        /// Address and port; port 0 takes a free one. Only loopback unless you say otherwise: beyond
        /// it, set `tls.certificate` and `tls.key`, or put a proxy in front that has TLS.
        pub listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8090)),
        /// Folder of the database and the keys, made at the first start.
        pub data: PathBuf = PathBuf::from("chatloom-data"),
        /// What clients reach the server by, such as `https://chat.example.org`. Without it, socket
        /// URLs are built from each request's Host header.
        pub public_url: Option<String> = None,
        /// Proxies (addresses or networks) whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.
        pub trusted_proxies: Vec<Network> = Vec::new(),
        /// How long a stopping server waits for requests under way and for sockets to close. What is
        /// left then is cut.
        pub drain_timeout: Period = Period::seconds(10),
        /// How often the files of certificate and keys are looked at; what is new there is taken over
        /// without a restart. SIGHUP does so at once.
        pub watch: Period = Period::seconds(10),
    }
}

impl Check for ServerSection {
    fn check(&self, config: &Config) -> Result<(), ConfigError> {
        if config.demo && !self.listen.ip().is_loopback() {
            return ConfigError::at(
                "server.listen",
                format!(
                    "a demo's keys are public, so it listens on loopback only, not on {}; leave \
                     out --demo to listen there",
                    self.listen
                ),
            );
        }
        if self.data.as_os_str().is_empty() {
            return ConfigError::at("server.data", "a folder is needed");
        }
        if let Some(url) = &self.public_url
            && crate::http::url::PublicBase::from_config(url).is_none()
        {
            return ConfigError::at(
                "server.public_url",
                format!("{url:?} is no URL such as https://chat.example.org"),
            );
        }
        if self.watch.as_millis() == 0 {
            return ConfigError::at("server.watch", "it must not be 0");
        }
        Ok(())
    }
}
