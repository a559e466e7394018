// What a script leaves in the page.
/** Replaces what is made at load by its kind. */
const shown = ({ build, implementation, ...rest }) => ({
  ...rest,
  build: Object.keys(build).sort(),
});

export default function define(scenario) {
  scenario("members of connect", { differs: ["L29"] }, (page) => {
    page.show("keys", Object.keys(page.connect).sort());
  });

  scenario("members of connect.ChatSession", { differs: ["L30"] }, (page) => {
    page.show("keys", Object.keys(page.ChatSession).sort());
    for (const [name, value] of Object.entries(page.ChatSession)) {
      if (name !== "csmService" && name !== "Logger") page.show(name, value);
    }
  });

  scenario("connect.LogLevel and connect.ChatJS", (page) => {
    page.show("LogLevel", page.connect.LogLevel);
    page.show("ChatJS", shown(page.connect.ChatJS));
    page.show("the build's time", Number.isFinite(Date.parse(page.connect.ChatJS.build.timestamp)));
    page.show("the build's environment", page.connect.ChatJS.build.environment);
  });

  scenario("csmService and LogManager are there and can be called", (page) => {
    page.show("csmService", typeof page.connect.csmService);
    page.show("the same", page.connect.csmService === page.ChatSession.csmService);
    page.show("getLogger", typeof page.connect.LogManager.getLogger);
    page.show("updateLoggerConfig", typeof page.connect.LogManager.updateLoggerConfig);
  });

  scenario(
    "what a page has is kept",
    {
      page: {
        prepare: (global) =>
          (global.connect = {
            ChatSession: "s",
            LogLevel: "l",
            LogManager: "m",
            csmService: "c",
            mine: 1,
          }),
      },
    },
    (page) => {
      const { ChatJS, WebSocketManager, ...rest } = page.connect;
      page.show("connect", rest);
      page.show("ChatJS", ChatJS.version);
    },
  );

  scenario(
    "connect.ChatJS is always replaced",
    { page: { prepare: (global) => (global.connect = { ChatJS: { version: "1" } }) } },
    (page) => {
      page.show("version", page.connect.ChatJS.version);
    },
  );

  scenario(
    "the object connect itself stays",
    {
      page: {
        prepare: (global, page) => {
          page.before = global.connect = { mine: 1 };
        },
      },
    },
    (page) => {
      page.show("same", page.connect === page.before);
    },
  );

  scenario("loading sends nothing", async (page) => {
    await page.pass(60_000);
  });

  scenario("loading twice keeps the first", (page) => {
    const first = page.ChatSession;
    page.load();
    page.show("same", page.ChatSession === first);
  });

  for (const type of ["CUSTOMER", "AGENT"]) {
    scenario(`methods of a session of type ${type}`, (page) => {
      const { session } = page.create({
        type,
        chatDetails: details({ getConnectionToken: async () => ({}) }),
      });
      const names = new Set();
      for (
        let object = session;
        object?.constructor?.name !== "Object";
        object = Object.getPrototypeOf(object)
      ) {
        for (const name of Object.getOwnPropertyNames(object)) names.add(name);
      }
      page.show("methods", [...names].sort());
    });
  }

  scenario("a session can be spread over another object", (page) => {
    const { session } = page.create();
    page.show("own keys", Object.keys(session).sort());
    const { connect } = session;
    page.attempt("connect without its session", () => connect());
    page.show("prototype method", typeof Object.getPrototypeOf(session).connect);
  });
}

const details = (more) => ({
  contactId: "contact",
  participantId: "participant",
  participantToken: "participant-token",
  ...more,
});
