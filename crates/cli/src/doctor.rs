//! `chatloom doctor`: is a server reachable as its clients need it, and if not, what is to be done?
//!
//! It goes the way that a client goes, step by step, and says at each what it found. A step that fails
//! ends the way of those that need it.

mod chat;
mod network;
mod report;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use chatloom_server::{
    chats::{Clock as _, SystemClock},
    config::{DEMO_CONTACT_FLOW, DEMO_INSTANCE},
};
use reqwest::{Url, header};

use self::{
    network::{Network, Place},
    report::Report,
};
use crate::{chat::block_on, signed::Signer};

/// How long one step may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clocks that differ by more are a problem: tokens and signatures have times. In seconds.
const MAX_SKEW: i64 = 60;

/// Check a server from where its clients are, and say what to fix.
///
/// Checks name, network, TLS, clock, the calls of pages of an origin, and a chat: tokens, socket and
/// heartbeat. The chat is ended again. Ends with status 0 when nothing is wrong, 1 when something is, 2
/// when the command line is wrong.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What clients reach the server by, such as https://chat.example.org
    #[arg(long, env = "CHATLOOM_ENDPOINT")]
    endpoint: Url,
    /// The origin of a page that has the chat, such as https://www.example.org
    #[arg(long)]
    origin: Option<String>,
    /// A file of certificates (PEM) to trust besides those of the operating system
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Start the chat as a back end, with this access key; its secret is in the environment,
    /// CHATLOOM_DOCTOR_SECRET. Without it, the chat is started by POST /start-chat
    #[arg(long, value_name = "ID")]
    access_key: Option<String>,
    /// The instance
    #[arg(long, default_value = DEMO_INSTANCE)]
    instance: String,
    /// The contact flow
    #[arg(long, default_value = DEMO_CONTACT_FLOW)]
    flow: String,
    /// The region that requests of the back end are signed for
    #[arg(long, default_value = "us-west-2")]
    region: String,
}

/// Looks, and says what it found.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let signer = match &args.access_key {
        Some(id) => Some(Signer {
            id: id.clone(),
            secret: std::env::var("CHATLOOM_DOCTOR_SECRET").context(
                "--access-key needs its secret in the environment: CHATLOOM_DOCTOR_SECRET",
            )?,
            region: args.region.clone(),
        }),
        None => None,
    };
    let trusted = match &args.ca {
        Some(path) => {
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
        }
        None => Vec::new(),
    };
    block_on(async {
        let mut report = Report::default();
        examine(args, signer, &trusted, &mut report).await?;
        report.end()
    })
}

async fn examine(
    args: &Args,
    signer: Option<Signer>,
    trusted: &[u8],
    report: &mut Report,
) -> anyhow::Result<()> {
    let Some(place) = Place::of(&args.endpoint) else {
        return report.bad(
            "endpoint",
            &format!("{} is no http:// or https:// URL with a host", args.endpoint),
            "name the URL that clients use, such as https://chat.example.org",
        );
    };
    let network = Network::new(trusted)?;
    if !network.reach(&place, report).await? {
        return Ok(());
    }
    let base = args.endpoint.as_str().trim_end_matches('/').to_owned();
    if !health(&network, &base, report).await? {
        return Ok(());
    }
    if let Some(origin) = &args.origin {
        preflight(&network, &base, origin, report).await?;
    }
    chat::examine(args, &base, &place, signer, &network, report).await
}

/// Whether there is a Chatloom server behind the URL, and its clock.
async fn health(network: &Network, base: &str, report: &mut Report) -> anyhow::Result<bool> {
    let here = SystemClock.now().as_millis() / 1_000;
    let answer = match network.http.get(format!("{base}/readyz")).send().await {
        Ok(answer) => answer,
        Err(error) => {
            report.bad(
                "server",
                &format!("no answer: {}", network::why(&error)),
                "look whether the server runs, and at the log of what stands before it",
            )?;
            return Ok(false);
        }
    };
    let status = answer.status().as_u16();
    match status {
        200 => report.good("server", "is ready")?,
        502..=504 if answer.headers().get("x-amzn-requestid").is_none() => {
            report.bad(
                "server",
                &format!("status {status}: a proxy answers, and does not reach the server"),
                "look at the address that the proxy passes requests to, and whether the server runs",
            )?;
            return Ok(false);
        }
        503 => {
            report.bad(
                "server",
                "is there and not ready",
                "look at its log: it starts, stops, or cannot write to its store",
            )?;
            return Ok(false);
        }
        _ => {
            report.bad(
                "server",
                &format!("status {status} at /readyz: that is no Chatloom server"),
                "look at the host and path of the endpoint, and at what the proxy passes on: it must \
                 pass every path below the endpoint",
            )?;
            return Ok(false);
        }
    }
    let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    let Some(there) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else {
        report.warn("clock", "the answer has no Date", "let the proxy pass the header on")?;
        return Ok(true);
    };
    let skew = there.timestamp().as_second() - here;
    if skew.abs() > MAX_SKEW {
        report.bad(
            "clock",
            &format!("the server's clock and this machine's differ by {skew} s"),
            "set both by NTP: signatures are good for 5 minutes, and tokens have an end",
        )?;
    } else {
        report.good("clock", &format!("within {} s of this machine's", skew.abs().max(1)))?;
    }
    Ok(true)
}

/// Whether a page of this origin may call.
async fn preflight(
    network: &Network,
    base: &str,
    origin: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    const ASKED: [&str; 2] = ["content-type", "x-amz-bearer"];
    let request = network
        .http
        .request(reqwest::Method::OPTIONS, format!("{base}/participant/message"))
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", ASKED.join(","));
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            return report.bad(
                "cors",
                &format!("no answer to a preflight: {}", network::why(&error)),
                "let the proxy pass OPTIONS on to the server",
            );
        }
    };
    let value = |name: &str| {
        let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_ascii_lowercase()
    };
    let allowed = value("access-control-allow-origin");
    let count = answer.headers().get_all("access-control-allow-origin").iter().count();
    let headers = value("access-control-allow-headers");
    let missing = ASKED.iter().find(|name| !headers.split(',').any(|one| one.trim() == **name));
    if count > 1 {
        report.bad(
            "cors",
            "Access-Control-Allow-Origin is there twice, which browsers refuse",
            "let only the server set it: take it out of the proxy's configuration",
        )
    } else if allowed != "*" && allowed != origin.to_ascii_lowercase() {
        report.bad(
            "cors",
            &format!("pages of {origin} may not call"),
            "add the origin to cors.origins of the server",
        )
    } else if !answer.status().is_success() {
        report.bad(
            "cors",
            &format!("a preflight is answered with status {}", answer.status().as_u16()),
            "let the proxy pass OPTIONS on to the server, without asking for a password",
        )
    } else if let Some(name) = missing {
        report.bad(
            "cors",
            &format!("pages may not send the header {name}"),
            "let the server answer preflights: take them out of the proxy's configuration",
        )
    } else {
        report.good("cors", &format!("pages of {origin} may call"))
    }
}
