// The same in Node: the library's name gives its exports, and makes the global.
const { ChatSession } = require("amazon-connect-chatjs");

const [endpoint] = process.argv.slice(2);

async function main() {
  const { talk } = await import("./talk.js");
  const same = globalThis.connect.ChatSession === ChatSession;
  console.log(JSON.stringify({ same, usual: await talk(ChatSession, endpoint) }));
}

void main();
