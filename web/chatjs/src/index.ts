/** What the package offers under its own names, and the object that applications know as `connect.ChatSession`. */
import { create, SessionTypes } from "./chat";
import { setGlobalConfig, setRegionOverride } from "./config";
import { LogLevel } from "./log";

export const ChatSession = { create, setGlobalConfig, setRegionOverride, LogLevel, SessionTypes };

export { LogLevel };
