//! The control plane (docs/protocol/participant-service.md §10), for back ends with an access key.

mod describe;
mod start;
mod stop;
mod timers;

use bytes::Bytes;
use chatloom_wire::{ContactFlowId, ErrorKind, InstanceId, ServiceError};

pub(super) use self::{describe::describe, start::start_chat, stop::stop, timers::set_timers};
use super::{
    App, Call,
    sigv4::{self, Signed},
};

impl App {
    /// The body of a request that is signed with one of our keys.
    async fn signed_body(&self, call: &mut Call) -> Result<Bytes, ServiceError> {
        let body = call.body(self.config.http.max_control_body).await?;
        let request = Signed {
            method: &call.parts.method,
            uri: &call.parts.uri,
            headers: &call.parts.headers,
            body: &body,
        };
        let region = &self.config.instance.region;
        let key = sigv4::verify(&request, &self.keys.access, region, self.now());
        let key = key.inspect_err(|error| {
            tracing::debug!(error = error.kind.name(), "a signature was refused");
        })?;
        self.charge_key(call, key)?;
        Ok(body)
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
        if self.config.instance.contact_flows.iter().any(|known| known == id) {
            return Ok(());
        }
        Err(ServiceError::new(ErrorKind::ResourceNotFound, "There is no such contact flow here"))
    }
}
