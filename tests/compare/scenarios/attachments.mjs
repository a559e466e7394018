// Files: three requests to send one, two to read one.
import { ended } from "../lib/items.mjs";
import { FORBIDDEN, NEVER, refusal, UNREACHABLE } from "../lib/service.mjs";

const file = (page, name = "notes.txt", type = "text/plain") =>
  new page.realm.global.File(["content"], name, { type });

export default function define(scenario) {
  const files = {
    "without a type": (page) => file(page, "notes", ""),
    "with a name in other letters": (page) =>
      file(page, "\u00fcber \u{1F600}.pdf", "application/pdf"),
    "that is empty": (page) => new page.realm.global.File([], "empty.txt", { type: "text/plain" }),
    "that is an object with three members": () => ({ name: "a.txt", type: "text/plain", size: 3 }),
    "that is a Blob with a name": (page) =>
      Object.assign(new page.realm.global.Blob(["abc"], { type: "text/csv" }), { name: "a.csv" }),
  };
  for (const [what, make] of Object.entries(files)) {
    scenario(`a file ${what}`, async (page) => {
      const chat = await page.connected();
      chat.call("sendAttachment", { attachment: make(page) });
      await page.pass(100);
    });
  }

  scenario("no file", async (page) => {
    const chat = await page.connected();
    chat.call("sendAttachment", {});
    await page.pass(100);
    chat.call("sendAttachment", { attachment: null });
    await page.pass(100);
  });

  for (const status of [403, 500]) {
    scenario(`the storage refuses the file with ${status}`, { differs: ["D8"] }, async (page) => {
      const chat = await page.connected();
      page.service.always("upload", { status, body: "<Error/>" });
      chat.call("sendAttachment", { attachment: file(page), metadata: 1 });
      await page.pass(60_000);
    });
  }

  scenario("the storage cannot be reached", async (page) => {
    const chat = await page.connected();
    page.service.always("upload", UNREACHABLE);
    chat.call("sendAttachment", { attachment: file(page), metadata: 1 });
    await page.pass(60_000);
  });

  for (const [operation, what] of [
    ["startUpload", "StartAttachmentUpload"],
    ["completeUpload", "CompleteAttachmentUpload"],
  ]) {
    for (const [status, name] of [
      [402, "ServiceQuotaExceededException"],
      [400, "ValidationException"],
      [409, "ConflictException"],
    ]) {
      scenario(`${what} is refused with ${status}`, async (page) => {
        const chat = await page.connected();
        page.service.answer(operation, refusal(status, name));
        chat.call("sendAttachment", { attachment: file(page) });
        await page.pass(1_000);
      });
    }
  }

  scenario("an upload without headers to include", async (page) => {
    const chat = await page.connected();
    const UploadMetadata = {
      Url: "https://storage.test/upload/9",
      UrlExpiry: "2026-01-05T09:01:40.000Z",
    };
    page.service.answer("startUpload", { members: { UploadMetadata } });
    chat.call("sendAttachment", { attachment: file(page) });
    await page.pass(100);
  });

  scenario("two files side by side", async (page) => {
    const chat = await page.connected();
    chat.call("sendAttachment", { attachment: file(page, "one.txt"), metadata: 1 });
    chat.call("sendAttachment", { attachment: file(page, "two.txt"), metadata: 2 });
    await page.pass(100);
  });

  scenario("the chat ends during an upload", { differs: ["D8"] }, async (page) => {
    const chat = await page.connected();
    page.service.answer("upload", { status: 200, body: "", afterMs: 1_000 });
    page.service.always("completeUpload", FORBIDDEN);
    chat.call("sendAttachment", { attachment: file(page) });
    await page.pass(500);
    page.service.item(ended());
    await page.pass(5_000);
  });

  for (const status of [200, 403, 404, 500]) {
    scenario(`a download is answered with ${status}`, async (page) => {
      const chat = await page.connected();
      page.service.always("download", {
        status,
        headers: { "content-type": "text/plain" },
        body: "what is there",
      });
      const blob = await page.during(
        30_000,
        chat.session.downloadAttachment({ attachmentId: "a" }).catch((error) => error),
      );
      page.show("the blob", blob);
      page.show("its content", await blob.text?.());
    });
  }

  scenario("a download cannot be reached", async (page) => {
    const chat = await page.connected();
    page.service.always("download", UNREACHABLE);
    chat.call("downloadAttachment", { attachmentId: "a", metadata: 1 });
    await page.pass(30_000);
  });

  scenario("a download that never ends", async (page) => {
    const chat = await page.connected();
    page.service.answer("download", NEVER);
    chat.call("downloadAttachment", { attachmentId: "a" });
    await page.pass(5_000);
  });

  scenario("a download without an id", { differs: ["L19"] }, async (page) => {
    const chat = await page.connected();
    chat.call("downloadAttachment", {});
    chat.call("getAttachmentURL", {});
    await page.pass(100);
  });
}
