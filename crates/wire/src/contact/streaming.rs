//! StartContactStreaming and StopContactStreaming (docs/protocol/participant-service.md §10.4).

use serde::{Deserialize, Serialize};

use crate::{
    id::{ContactId, InstanceId, StreamingId},
    limits::{self, Invalid, chars_within, require},
    participant::{Empty, Operation},
};

/// Where the items of a chat are sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChatStreamingConfiguration {
    /// The endpoint, 1 to 350 characters.
    pub streaming_endpoint_arn: String,
}

impl ChatStreamingConfiguration {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        require(
            chars_within(&self.streaming_endpoint_arn, 1, 350),
            "ChatStreamingConfiguration.StreamingEndpointArn",
            "1 to 350 characters",
        )
    }
}

/// Begins to send the items of a chat to an endpoint (§10.4).
pub enum StartContactStreaming {}

impl Operation for StartContactStreaming {
    const NAME: &'static str = "StartContactStreaming";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/contact/start-streaming";
    type Request = StartContactStreamingRequest;
    type Response = StartContactStreamingResponse;
}

/// Request of [`StartContactStreaming`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartContactStreamingRequest {
    /// The instance.
    pub instance_id: InstanceId,
    /// The contact.
    pub contact_id: ContactId,
    /// Where to.
    pub chat_streaming_configuration: ChatStreamingConfiguration,
    /// Makes a repeat answer the first stream, 1 to 500 characters.
    pub client_token: String,
}

impl StartContactStreamingRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::instance_id(self.instance_id.as_str())?;
        limits::contact_id(self.contact_id.as_str())?;
        self.chat_streaming_configuration.check()?;
        limits::required_client_token(&self.client_token)
    }
}

/// Answer of [`StartContactStreaming`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartContactStreamingResponse {
    /// The stream.
    pub streaming_id: StreamingId,
}

/// Ends what [`StartContactStreaming`] began (§10.4).
pub enum StopContactStreaming {}

impl Operation for StopContactStreaming {
    const NAME: &'static str = "StopContactStreaming";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/contact/stop-streaming";
    type Request = StopContactStreamingRequest;
    type Response = Empty;
}

/// Request of [`StopContactStreaming`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StopContactStreamingRequest {
    /// The instance.
    pub instance_id: InstanceId,
    /// The contact.
    pub contact_id: ContactId,
    /// The stream, 1 to 100 characters.
    pub streaming_id: StreamingId,
}

impl StopContactStreamingRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::instance_id(self.instance_id.as_str())?;
        limits::contact_id(self.contact_id.as_str())?;
        require(
            chars_within(self.streaming_id.as_str(), 1, 100),
            "StreamingId",
            "1 to 100 characters",
        )
    }
}
