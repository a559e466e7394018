/** What is in the file for Chatloom behaviour, around the core. */
import { IllegalArgument } from "../api/rules";
import { LogLevel } from "../api/log";
import type { CoreSource } from "../host/wasm";
import type { AdditionFile } from "./addition";
import { type ChatloomSettings, controllerOn } from "./controller";
import { kept } from "./keep";
import * as kinds from "./kinds";
import { CHATLOOM_ERRORS } from "./results";

/** Its sessions put items in order. */
export function additionWith(load: CoreSource["load"]): AdditionFile {
  const core = { needsWholeItems: true, load };
  return {
    version: VERSION,
    open(base) {
      base.addKinds(kinds);
      Object.assign(base.ERRORS, CHATLOOM_ERRORS);
      const ChatloomController = controllerOn(base, core);
      const settingsOf = (settings: ReturnType<typeof base.settings>, chatloom: ChatloomSettings["chatloom"]) => {
        const endpoint = chatloom.endpoint?.replace(/\/+$/, "") || settings.endpoint;
        return { ...settings, endpoint, core, chatloom };
      };
      return {
        begin: (participant, settings, chatloom, callbacks) =>
          new ChatloomController(participant, settingsOf(settings, chatloom), callbacks).begin(),

        async resume({ contactId, replay = false, options }, chatloom) {
          if (!chatloom.storage)
            throw new IllegalArgument("resume needs the storage that the chats are kept in: chatloom.storage");
          const warn = (text: string) => base.log(LogLevel.WARN, {}, text);
          const found = await kept(chatloom.storage, contactId, warn);
          if (!found) return undefined;
          const { participant, ...rest } = found;
          const means = { client: options?.participantClient };
          const chosen = { ...settingsOf(base.settings(), chatloom), ...rest, replay, means };
          return new ChatloomController(participant, chosen).begin();
        },
      };
    },
  };
}
