//! `chatloom delete`: the chats of somebody who wants to be forgotten.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use chatloom::ContactId;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    chat::block_on,
    signed::{BackEnd, Signer},
};

/// How long one answer may take: by customer or attribute every chat is looked at.
const PATIENCE: Duration = Duration::from_mins(10);
/// The most chats that one request names.
const MOST_CONTACTS: usize = 100;

/// Delete the chats of somebody, for good: with their files, and those that go on as well, which are
/// ended first. Asks a server that runs. Prints the chats that there were, one on each line.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What the server is reached by, such as https://chat.example.org
    #[arg(long, env = "CHATLOOM_ENDPOINT")]
    endpoint: String,
    /// An access key of back ends; its secret is in the environment, CHATLOOM_DELETE_SECRET
    #[arg(long, value_name = "ID")]
    access_key: String,
    /// The region that requests of the back end are signed for
    #[arg(long, default_value = "us-west-2")]
    region: String,
    #[command(flatten)]
    whose: Whose,
}

/// Whose chats.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// Those of a customer, by the CustomerId that the back end gave
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Those with a contact attribute, such as email=jane@example.org
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    attribute: Option<(String, String)>,
    /// Those that these contacts belong to
    #[arg(long, value_name = "ID")]
    contact: Vec<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a name, =, and a value are needed".to_owned()),
    }
}

impl Whose {
    /// The requests for them, one after the other.
    fn requests(&self) -> Vec<Value> {
        match self {
            Self { customer: Some(id), .. } => vec![json!({ "CustomerId": id })],
            Self { attribute: Some((name, value)), .. } => {
                vec![json!({ "Attribute": { "Name": name, "Value": value } })]
            }
            Self { contact, .. } => {
                contact.chunks(MOST_CONTACTS).map(|ids| json!({ "ContactIds": ids })).collect()
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    deleted: Vec<ContactId>,
}

/// Deletes them, and says which they were.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let secret = std::env::var("CHATLOOM_DELETE_SECRET")
        .context("--access-key needs its secret in the environment: CHATLOOM_DELETE_SECRET")?;
    let signer = Signer { id: args.access_key.clone(), secret, region: args.region.clone() };
    let server = BackEnd::new(&args.endpoint, signer, PATIENCE)?;
    block_on(async {
        let mut count = 0;
        for request in args.whose.requests() {
            let text = server.call(Method::POST, "/v1/chats/delete", request.to_string()).await;
            let text = text.context("the chats are not deleted, or not all; ask again")?;
            let answer: Answer =
                serde_json::from_str(&text).context("the answer is not as it should be")?;
            count += answer.deleted.len();
            for chat in answer.deleted {
                writeln!(io::stdout(), "{chat}").context("cannot write to standard output")?;
            }
        }
        writeln!(io::stderr(), "{count} chats").context("cannot write to standard error")?;
        Ok(ExitCode::SUCCESS)
    })
}
