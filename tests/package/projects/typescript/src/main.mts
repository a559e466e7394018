import { ChatSession, type ChatDetailsInput, type Item, type Result } from "@chatloom/chatjs";
import "@chatloom/chatjs/chatloom";
import { ChatSession as plain } from "@chatloom/chatjs/js";
import { loadCore } from "@chatloom/chatjs/slim";

declare const process: { argv: string[] };
declare const console: { log(text: string): void };

/** Starts a chat and gives what was said in it, oldest first. */
async function talk(endpoint: string): Promise<string[]> {
  const response = await fetch(`${endpoint}/start-chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ParticipantDetails: { DisplayName: "Jane" } }),
  });
  const { data } = (await response.json()) as { data: { startChatResult: ChatDetailsInput } };
  ChatSession.setGlobalConfig({ endpoint });
  const session = ChatSession.create({ chatDetails: data.startChatResult, type: "CUSTOMER" });
  const answered = new Promise<void>((resolve) => {
    const stop = session.onMessage(({ data: item }: { data: Item }) => {
      if (item.Type !== "MESSAGE" || !item.Content.includes("Monday")) return;
      stop();
      resolve();
    });
  });
  await session.connect();
  await session.sendMessage({ message: "When are you open?", contentType: "text/plain" });
  await answered;
  const page: Result<{ Transcript: Item[] }> = (await session.getTranscript({})) as never;
  await session.disconnectParticipant();
  return page.data.Transcript.flatMap((item) =>
    item.Type === "MESSAGE" && item.ContentType === "text/plain"
      ? [`${item.ParticipantRole}: ${item.Content}`]
      : [],
  );
}

const usual = await talk(process.argv[2] ?? "");
await loadCore();
const same: typeof ChatSession = connect.ChatSession;
console.log(JSON.stringify({ usual, same: same === ChatSession, plain: plain !== ChatSession }));
