// As node-esm/main.mjs, for programs that `require`.
const usual = require("@chatloom/chatjs");
const eager = require("@chatloom/chatjs/chatloom");
const script = require("@chatloom/chatjs/dist/amazon-connect-chat");
const plain = require("@chatloom/chatjs/js");

const [endpoint] = process.argv.slice(2);

async function main() {
  const { talk } = await import("./talk.js");
  const told = {
    same: usual.ChatSession === script.ChatSession && usual.ChatSession === eager.ChatSession,
    global: globalThis.connect.ChatSession === usual.ChatSession,
    window: typeof window,
    usual: await talk(usual.ChatSession, endpoint),
    plain: await talk(plain.ChatSession, endpoint, { chatloom: true }),
    eager: await talk(eager.ChatSession, endpoint, { chatloom: true }),
  };
  console.log(JSON.stringify(told));
}

void main();
