import type { MessageView } from '../generated/view';
import { ask } from '../state/session.svelte';

/** The pinned messages of one room. They are asked for again when what is pinned changes in the timeline. */
export class Pins {
  /** Absent until known. */
  list = $state.raw<readonly MessageView[] | null>(null);
  failed = $state(false);
  #turn = 0;
  #seen: string | null = null;

  constructor(private readonly roomId: string) {}

  refresh(): void {
    const turn = ++this.#turn;
    this.failed = false;
    ask({ type: 'pins', room_id: this.roomId }).then(
      (list) => {
        if (turn === this.#turn) this.list = list;
      },
      () => {
        if (turn === this.#turn) this.failed = this.list === null;
      },
    );
  }

  /** Looks at the timeline's messages, and asks again when other ones are pinned than before. */
  follow(messages: readonly MessageView[]): void {
    const pinned = messages.flatMap((message) => (message.pinned ? [message.id] : [])).join();
    if (pinned === this.#seen) return;
    this.#seen = pinned;
    this.refresh();
  }
}
