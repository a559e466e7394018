//! The control plane (docs/protocol/participant-service.md §10), for back ends with an access key.

mod attributes;
mod custom_participant;
mod describe;
mod guide;
mod others;
mod persistent;
mod references;
mod start;
mod stop;
mod streaming;
mod tags;
mod timers;
mod update;

use axum::extract::{FromRequestParts, Path};
use bytes::Bytes;
use chatloom_wire::{
    ContactFlowId, ContactId, ErrorKind, InstanceId, ServiceError, contact::check_names,
};

pub(super) use self::{
    attributes::{get_attributes, update_attributes},
    custom_participant::create as create_participant,
    describe::describe,
    guide::{ask_to_sign_in, show_view, update_authentication},
    others::{modelled, refuse},
    persistent::continue_chat,
    references::list_references,
    start::start_chat,
    stop::stop,
    streaming::{start as start_streaming, stop as stop_streaming},
    tags::{tag, untag},
    timers::set_timers,
    update::update,
};
use super::{
    App, Call, error,
    sigv4::{self, Signed},
};

impl App {
    /// The body of a request that is signed with one of our keys.
    pub(super) async fn signed_body(&self, call: &mut Call) -> Result<Bytes, ServiceError> {
        let body = call.body(self.config.http.max_control_body).await?;
        let request = Signed {
            method: &call.parts.method,
            uri: &call.parts.uri,
            headers: &call.parts.headers,
            body: &body,
        };
        let region = &self.config.instance.region;
        let keys = self.access.read().clone();
        let key = sigv4::verify(&request, &keys, region, self.now());
        let key = key.inspect_err(|error| {
            tracing::debug!(error = error.kind.name(), "a signature was refused");
        })?;
        call.note.set_key(key);
        self.charge_key(call, key)?;
        Ok(body)
    }

    /// The contact that a path names, after its instance.
    async fn contact_in_path(&self, call: &mut Call) -> Result<ContactId, ServiceError> {
        let path = Path::<(InstanceId, ContactId)>::from_request_parts(&mut call.parts, &()).await;
        let Ok(Path((instance, contact))) = path else {
            return Err(ServiceError::new(ErrorKind::InvalidRequest, "The path is not UTF-8"));
        };
        check_names(&instance, &contact).map_err(|invalid| error::invalid_parameter(&invalid))?;
        call.note.set_contact(&contact);
        self.check_instance(&instance)?;
        Ok(contact)
    }

    fn check_instance(&self, instance: &InstanceId) -> Result<(), ServiceError> {
        // SDKs may name an instance by its ARN.
        let id =
            instance.as_str().rsplit_once(":instance/").map_or(instance.as_str(), |(_, id)| id);
        if id == self.config.instance.id {
            return Ok(());
        }
        Err(ServiceError::new(ErrorKind::ResourceNotFound, "There is no such instance here"))
    }

    fn check_flow(&self, flow: &ContactFlowId) -> Result<(), ServiceError> {
        let id = flow.as_str().rsplit_once("/contact-flow/").map_or(flow.as_str(), |(_, id)| id);
        if self.config.has_flow(id) {
            return Ok(());
        }
        Err(ServiceError::new(ErrorKind::ResourceNotFound, "There is no such contact flow here"))
    }
}

/// The values of a name in the query, percent-decoded, in their order. One that is not UTF-8 is refused.
fn in_query(call: &Call, name: &str) -> Result<Vec<String>, ServiceError> {
    let query = call.parts.uri.query().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let values = pairs.filter(|(key, _)| sigv4::decode(key) == name.as_bytes());
    values
        .map(|(_, value)| {
            // Names of types and tags have no spaces, so a plus sign is one.
            String::from_utf8(sigv4::decode(value)).map_err(|_| {
                ServiceError::new(ErrorKind::InvalidRequest, format!("{name}: not UTF-8"))
            })
        })
        .collect()
}
