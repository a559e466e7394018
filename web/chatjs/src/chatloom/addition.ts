/**
 * What Chatloom behaviour needs beside the rest: a core that knows it, what is behind its sessions, and what works
 * with other pages and with storage. A file of its own, loaded when the first session asks for that behaviour.
 */
import type { ResumeArgs } from "../../types/index";
import type { Handlers } from "../api/callbacks";
import { type Settings, settings } from "../api/config";
import { Controller } from "../api/controller";
import { log } from "../api/log";
import { callFailed, ERRORS, failure } from "../api/results";
import type { Participant } from "../api/rules";
import { addKinds } from "../host/border";
import { Host } from "../host/host";
import { later } from "../host/tasks";
import type { ChatloomController } from "./controller";
import type { ChatloomOptions } from "./options";

/** What that file has to have of the package, which has state: both work with the same. */
const base = { addKinds, callFailed, Controller, ERRORS, failure, Host, later, log, settings };
export type Base = typeof base;

/** That file. */
export interface AdditionFile {
  /** The version of the package that it belongs to. */
  readonly version: string;
  open(base: Base): Addition;
}

/** What it offers. */
export interface Addition {
  /** Begins a session that has these callbacks already. */
  begin(
    participant: Participant,
    settings: Settings,
    chatloom: ChatloomOptions,
    callbacks: Handlers,
  ): ChatloomController;
  /** Begins a session with a chat that was kept; nothing when none is. */
  resume(args: ResumeArgs, chatloom: ChatloomOptions): Promise<ChatloomController | undefined>;
}

let load: () => Promise<AdditionFile>;
let asked: Promise<Addition> | undefined;

/** How the file is loaded. */
export function useAddition(loader: () => Promise<AdditionFile>): void {
  load = loader;
}

/** What is in the file. After a failure the next one who asks has it loaded again. */
export function addition(): Promise<Addition> {
  asked ??= load()
    .then((file) => {
      if (file.version === VERSION) return file.open(base);
      throw new Error(`the file for Chatloom behaviour is of version ${file.version}, the package of ${VERSION}`);
    })
    .catch((error: unknown) => {
      asked = undefined;
      throw error;
    });
  return asked;
}
