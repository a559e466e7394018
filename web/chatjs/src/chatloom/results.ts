/** The shapes of what applications get in Chatloom behaviour alone. */
import type { Connection, Person } from "../../types/index";
import type { EventOutput, PersonOutput } from "../host/core";

/** Errors that only this behaviour has. */
export const CHATLOOM_ERRORS = {
  cancelled: ["AbortError", "the call was cancelled"],
  outboxFull: ["ThrottlingException", "too many messages are waiting to be sent"],
} as const;

export function connectionOf({ state, until, reason }: Extract<EventOutput, { type: "connection" }>): Connection {
  return {
    state,
    // The core has the clock that does not jump.
    ...(until !== undefined && { retryAt: Math.round(Date.now() + until - performance.now()) }),
    ...(reason && { reason }),
  };
}

export function personOf({ type, participantId, role, name, typing, delivered, read }: PersonOutput): Person {
  return {
    participantId,
    role,
    displayName: name,
    presence: type,
    typing,
    deliveredItemId: delivered,
    readItemId: read,
  };
}
