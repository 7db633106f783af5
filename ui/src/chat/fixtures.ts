import { message } from '../backend/mock/talk';
import type { MessageView } from '../generated/view';

/** A message of another person with nothing but its text, for tests. */
export function said(key: string, sender: string, at: number, more: Partial<MessageView> = {}): MessageView {
  const plain = message(1, [sender, 0, `Text of ${key}`]);
  return { ...plain, client_id: key, id: key, sender_id: sender, sender_name: sender, sent_at_ms: at, ...more };
}
