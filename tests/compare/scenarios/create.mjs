// create(): which arguments it takes, and what it makes of them.
const DETAILS = {
  contactId: "contact",
  participantId: "participant",
  participantToken: "participant-token",
};
const METHODS = [
  "connect",
  "getChatDetails",
  "sendMessage",
  "sendEvent",
  "getTranscript",
  "disconnectParticipant",
  "onMessage",
];

export default function define(scenario) {
  const create = (page, args) => page.attempt("create", () => typeof page.ChatSession.create(args));

  scenario("no arguments", (page) => {
    create(page);
  });

  scenario("sends nothing", async (page) => {
    page.create();
    await page.pass(120_000);
  });

  for (const type of ["VISITOR", "customer", "SUPERVISOR", 1, {}]) {
    scenario(`the type ${JSON.stringify(type)}`, (page) =>
      create(page, { chatDetails: DETAILS, type, disableCSM: true }),
    );
  }

  for (const type of [undefined, null, "", "AGENT", "CUSTOMER"]) {
    scenario(`the type ${JSON.stringify(type)} is known`, (page) => {
      const { session } = page.create({
        type,
        chatDetails: { ...DETAILS, getConnectionToken: async () => ({}) },
      });
      page.show("disconnectParticipant", typeof session.disconnectParticipant);
      page.show("cleanUpOnParticipantDisconnect", typeof session.cleanUpOnParticipantDisconnect);
      page.show("details", session.getChatDetails());
    });
  }

  const invalid = {
    none: undefined,
    null: null,
    "a text": "contact",
    "no contact": { participantId: "participant" },
    "no participant": { contactId: "contact" },
    "an empty contact": { contactId: "", participantId: "participant" },
    "a contact that is a number": { contactId: 1, participantId: "participant" },
    "a participant that is an object": { contactId: "contact", participantId: {} },
  };
  for (const [what, chatDetails] of Object.entries(invalid)) {
    scenario(`invalid details: ${what}`, (page) => {
      const session = page.attempt(
        "create",
        () =>
          page.ChatSession.create({ chatDetails, type: "CUSTOMER", disableCSM: true }) &&
          "a session",
      );
      page.show("session", session);
    });
  }

  scenario("every method of a session with invalid details throws", (page) => {
    const session = page.ChatSession.create({
      chatDetails: {},
      type: "CUSTOMER",
      disableCSM: true,
    });
    page.show("controller", session.controller);
    for (const method of METHODS) {
      page.attempt(method, () => {
        try {
          return session[method](() => undefined);
        } catch (error) {
          return `a ${error.name}`;
        }
      });
    }
  });

  const spellings = {
    capitals: { ContactId: "C", InitialContactId: "I", ParticipantId: "P", ParticipantToken: "T" },
    "both, where capitals win": {
      ...DETAILS,
      initialContactId: "initial",
      ContactId: "C",
      InitialContactId: "I",
      ParticipantId: "P",
      ParticipantToken: "T",
    },
    "without an initial contact": DETAILS,
    "with an initial contact": { ...DETAILS, initialContactId: "initial" },
    "without a token": { contactId: "contact", participantId: "participant" },
    "with a token that is empty": { ...DETAILS, participantToken: "" },
    "with more members": { ...DETAILS, mine: 1, connectionDetails: { url: "u" } },
  };
  for (const [what, chatDetails] of Object.entries(spellings)) {
    scenario(`details in ${what}`, async (page) => {
      const chat = page.create({ chatDetails });
      page.show("getChatDetails()", chat.session.getChatDetails());
      chat.call("connect");
      await page.pass(100);
    });
  }

  scenario(
    "a page without a navigator",
    { differs: ["L28"], page: { without: ["navigator"] } },
    async (page) => {
      const chat = page.create();
      page.show("controller", typeof chat.session.controller);
    },
  );
}
