// A program for amazon-connect-chatjs, as that library's typings and documentation have it. Nothing in it
// says that another one is installed under that name.
import "amazon-connect-chatjs";

import { show } from "./talk.js";

const config: connect.ChatGlobalConfig = {
  region: "us-west-2",
  loggerConfig: { level: connect.ChatSession.LogLevel.WARN, useDefaultLogger: true },
};
connect.ChatSession.setGlobalConfig(config);
void show(connect.ChatSession);
