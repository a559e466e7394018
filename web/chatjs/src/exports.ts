/** What the package offers under its own names, and the object that applications know as `connect.ChatSession`. */
import { setGlobalConfig, setRegionOverride } from "./api/config";
import { create } from "./api/create";
import { LogLevel } from "./api/log";
import { SessionTypes } from "./api/rules";
import { resume } from "./chatloom/resume";

export const ChatSession = { create, setGlobalConfig, setRegionOverride, LogLevel, SessionTypes, resume };

export { LogLevel };
