import chatjs = require("@chatloom/chatjs");
import plain = require("@chatloom/chatjs/js");

const level: 20 = chatjs.LogLevel.INFO;
const session: chatjs.CustomerSession = plain.ChatSession.create({
  chatDetails: { contactId: "c", participantId: "p", participantToken: `${level}` },
  type: "CUSTOMER",
});
export = session;
