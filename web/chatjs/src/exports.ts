/** What the package offers under its own names, and the object that applications know as `connect.ChatSession`. */
import { setFeatureFlag, setGlobalConfig, setRegionOverride } from "./api/config";
import { create } from "./api/create";
import { csmService } from "./api/csm";
import { Logger, LogLevel, LogManager } from "./api/log";
import { SessionTypes } from "./api/rules";
import { resume } from "./chatloom/resume";

export const ChatSession = {
  create,
  setGlobalConfig,
  LogLevel,
  Logger,
  SessionTypes,
  csmService,
  setFeatureFlag,
  setRegionOverride,
  resume,
};

export { csmService, Logger, LogLevel, LogManager, SessionTypes };
