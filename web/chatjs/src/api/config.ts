/** What an application configures for all sessions that it creates from then on (S20 to S32). */
import { type ChatloomOptions, setChatloom } from "../chatloom/options";
import type { Means } from "../host/session";
import type { CoreSource } from "../host/wasm";
import { configureLog, type LoggerConfig } from "./log";

/** The argument of `setGlobalConfig`; other members of the original's have no effect yet. */
export interface GlobalConfig {
  region?: string;
  endpoint?: string;
  customUserAgentSuffix?: string;
  loggerConfig?: LoggerConfig;
  /** Chatloom behaviour for all sessions, and how. */
  chatloom?: ChatloomOptions | boolean;
}

const DEFAULT_REGION = "us-west-2";

let region = DEFAULT_REGION;
let regionOverride = "";
let endpoint = "";
let suffix = "";

/** Members that are left out keep their value, but for the logger (S22). */
export function setGlobalConfig(config: GlobalConfig): void {
  region = config.region || region;
  endpoint = config.endpoint || endpoint;
  suffix = config.customUserAgentSuffix || suffix;
  setChatloom(config.chatloom);
  configureLog(config.loggerConfig);
}

/** A region that goes before any other; an empty one is none (S27, S28). */
export function setRegionOverride(value: string | null | undefined): void {
  regionOverride = value || "";
}

/** What a new session is made with: its own from then on (D14). */
export interface Settings {
  region: string;
  endpoint: string;
  userAgent: string;
  /** Where its core comes from, when not from where all come from. */
  core?: CoreSource;
  /** What it has of the application's. */
  means?: Means;
}

/** The settings of a session created now, with this region in its options, which stays (S15). */
export function settings(sessionRegion: string | undefined): Settings {
  region = sessionRegion || region;
  const chosen = regionOverride || region;
  return {
    region: chosen,
    endpoint: (endpoint || `https://participant.connect.${chosen}.amazonaws.com`).replace(/\/+$/, ""),
    userAgent: userAgent(),
  };
}

/** The original's name stays last, because services look for it (S31). */
function userAgent(): string {
  const name = `AmazonConnect-ChatJS/5.0.0${suffix && ` ${suffix}`}`;
  return `chatloom-chatjs/${VERSION} ${name.replace(/[^\w!$%&'*+\-.^`|~/]/g, "-")}`;
}
