// An agent's page under Streams, whose typings are in the same global namespace; the test puts them beside this.
import "@chatloom/chatjs";

connect.contact((contact) => {
  for (const connection of contact.getConnections()) {
    if (!(connection instanceof connect.ChatConnection)) continue;
    void connection.getMediaController().then((session: connect.AgentChatSession) => {
      session.onMessage(({ data }) => void data.Content?.trim());
      session.onEnded(() => session.cleanUpOnParticipantDisconnect());
    });
  }
});

export const session = connect.ChatSession.create({
  chatDetails: { contactId: "c", participantId: "p", participantToken: "t" },
  type: "AGENT",
  websocketManager: connect.core.getWebSocketManager(),
});
