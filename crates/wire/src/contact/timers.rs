//! UpdateParticipantRoleConfig (docs/protocol/participant-service.md §10.6).

use serde::{Deserialize, Serialize};

use crate::{
    limits::{Invalid, require},
    open_enum::open_enum,
    participant::{Empty, Operation},
};

/// Sets timers of people who fall silent (§10.6). Instance and contact are in the path.
pub enum UpdateParticipantRoleConfig {}

impl Operation for UpdateParticipantRoleConfig {
    const NAME: &'static str = "UpdateParticipantRoleConfig";
    const METHOD: &'static str = "PUT";
    const PATH: &'static str = "/contact/participant-role-config/{InstanceId}/{ContactId}";
    type Request = UpdateParticipantRoleConfigRequest;
    type Response = Empty;
}

/// Request of [`UpdateParticipantRoleConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateParticipantRoleConfigRequest {
    /// What is set, by channel.
    pub channel_configuration: ChannelConfiguration,
}

/// What is set for each channel; chat is the only one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChannelConfiguration {
    /// For chats. The model has a union here: absent is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatTimers>,
}

/// Timers of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChatTimers {
    /// One to six, no two for the same role and type.
    pub participant_timer_config_list: Vec<ParticipantTimer>,
}

/// One timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParticipantTimer {
    /// Whose silence it measures.
    pub participant_role: TimerRole,
    /// What happens when it has run out.
    pub timer_type: TimerType,
    /// How long it runs.
    pub timer_value: TimerValue,
}

open_enum! {
    /// Whose silence a timer measures.
    pub enum TimerRole {
        /// The customer's.
        Customer = "CUSTOMER",
        /// Each agent's.
        Agent = "AGENT",
    }
}

open_enum! {
    /// What happens when a timer has run out (§12.5).
    pub enum TimerType {
        /// Everybody is told that the participant is idle.
        Idle = "IDLE",
        /// Everybody but the customer is disconnected.
        DisconnectNoncustomer = "DISCONNECT_NONCUSTOMER",
    }
}

/// How long a timer runs. The model has a union here: exactly one member is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TimerValue {
    /// `Unset`: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_timer_action: Option<String>,
    /// Minutes, 2 to 480.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_timer_duration_in_minutes: Option<i64>,
}

impl UpdateParticipantRoleConfigRequest {
    /// The most timers in one request.
    pub const MAX_TIMERS: usize = 6;
    /// Shortest timer in minutes.
    pub const MIN_MINUTES: i64 = 2;
    /// Longest timer in minutes.
    pub const MAX_MINUTES: i64 = 480;

    /// The timers, checked against the modelled limits.
    pub fn checked(self) -> Result<Vec<ParticipantTimer>, Invalid> {
        const LIST: &str = "ChannelConfiguration.Chat.ParticipantTimerConfigList";
        let chat = self.channel_configuration.chat.ok_or(Invalid {
            member: "ChannelConfiguration",
            rule: "must have exactly one member, Chat",
        })?;
        let timers = chat.participant_timer_config_list;
        require((1..=Self::MAX_TIMERS).contains(&timers.len()), LIST, "1 to 6 timers")?;
        for (at, timer) in timers.iter().enumerate() {
            require(
                !matches!(timer.participant_role, TimerRole::Other(_)),
                "ParticipantRole",
                "CUSTOMER or AGENT",
            )?;
            require(
                !matches!(timer.timer_type, TimerType::Other(_)),
                "TimerType",
                "IDLE or DISCONNECT_NONCUSTOMER",
            )?;
            timer.timer_value.check()?;
            let is_same = |other: &ParticipantTimer| {
                other.participant_role == timer.participant_role
                    && other.timer_type == timer.timer_type
            };
            require(
                !timers[..at].iter().any(is_same),
                LIST,
                "no two timers for the same ParticipantRole and TimerType",
            )?;
        }
        Ok(timers)
    }
}

impl TimerValue {
    fn check(&self) -> Result<(), Invalid> {
        match (&self.participant_timer_action, self.participant_timer_duration_in_minutes) {
            (Some(action), None) => {
                require(action == "Unset", "ParticipantTimerAction", "only Unset")
            }
            (None, Some(minutes)) => require(
                (UpdateParticipantRoleConfigRequest::MIN_MINUTES
                    ..=UpdateParticipantRoleConfigRequest::MAX_MINUTES)
                    .contains(&minutes),
                "ParticipantTimerDurationInMinutes",
                "2 to 480",
            ),
            _ => Err(Invalid {
                member: "TimerValue",
                rule: "must have exactly one of ParticipantTimerAction and ParticipantTimerDurationInMinutes",
            }),
        }
    }
}
