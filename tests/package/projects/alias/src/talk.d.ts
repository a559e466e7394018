export function show(library: connect.ChatSessionObject): Promise<void>;
