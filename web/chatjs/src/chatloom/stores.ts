/** Where chats are kept in a browser. */
import type { Storage as ChatStorage } from "./keep";
import type { ChatStore } from "./options";

/** The storage of this tab, which ends with it. */
const tab: ChatStore = {
  get: (key) => sessionStorage.getItem(key),
  set: (key, value) => sessionStorage.setItem(key, value),
  delete: (key) => sessionStorage.removeItem(key),
  keys: () => Object.keys(sessionStorage),
};

const DATABASE = "chatloom";
const CHATS = "chats";

/** The database of this origin, which all its tabs share. */
const database: ChatStore = {
  get: (key) => inDatabase("readonly", (chats) => chats.get(key) as IDBRequest<string | undefined>),
  set: async (key, value) => void (await inDatabase("readwrite", (chats) => chats.put(value, key))),
  delete: (key) => inDatabase("readwrite", (chats) => chats.delete(key)),
  keys: async () => (await inDatabase("readonly", (chats) => chats.getAllKeys())).map(String),
};

/** Does one thing in the database. */
async function inDatabase<T>(mode: IDBTransactionMode, what: (chats: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(CHATS);
  const opened = await result(opening);
  try {
    const transaction = opened.transaction(CHATS, mode);
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
    });
    const value = await result(what(transaction.objectStore(CHATS)));
    await done;
    return value;
  } finally {
    opened.close();
  }
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the database did not answer"));
  });
}

/** The store that an application means. */
export function storeOf(storage: ChatStorage): ChatStore {
  if (storage === "session") return tab;
  return storage === "indexeddb" ? database : storage;
}
