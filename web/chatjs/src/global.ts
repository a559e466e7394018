/**
 * Puts the library where pages look for it (docs/protocol/websocket.md S1 to S3): every entry of the package
 * does, as the original does in a page, in Node and on a phone.
 */
import { ChatSession, csmService, LogLevel, LogManager } from "./exports";

const page = globalThis as { connect?: Record<string, unknown> };
const connect = (page.connect ??= {});

// What is there stays: Streams has the same names, and an older ChatSession goes on being used (S6).
connect["ChatSession"] ??= ChatSession;
connect["LogManager"] ??= LogManager;
connect["LogLevel"] ??= LogLevel;
connect["csmService"] ??= csmService;
connect["ChatJS"] = {
  // Pages ask which release of the original they have: the one whose behaviour this is (S2).
  version: "5.0.0",
  name: "amazon-connect-chatjs",
  source: "npm",
  repository: "git+https://github.com/amazon-connect/amazon-connect-chatjs.git",
  build: { timestamp: new Date().toISOString(), environment: "production" },
  // What it really is.
  implementation: { name: "@chatloom/chatjs", version: VERSION },
};
