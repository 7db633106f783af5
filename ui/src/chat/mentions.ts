/** The word that mentions all members. */
export const EVERYONE = 'everyone';
const WIRE = /<@(everyone|[0-9a-z-]{1,36})>/g;

/**
 * Mentions of a text that is being written: people see `@Name`, the wire has `<@id>`.
 * Two people of one name are told apart by a number after it.
 */
export class MentionBook {
  #ids = new Map<string, string>();
  #labels = new Map<string, string>();

  /** What stands in the text for a person. */
  label(id: string, name: string): string {
    const known = this.#labels.get(id);
    if (known !== undefined) return `@${known}`;
    const base = name.replace(/\s+/g, ' ').trim() || id;
    let label = base;
    for (let count = 2; this.#ids.has(label); count++) label = `${base} ${count}`;
    this.#ids.set(label, id);
    this.#labels.set(id, label);
    return `@${label}`;
  }

  /** From the wire to what people see. A mention of somebody without a name stays as it is. */
  read(wire: string, name: (id: string) => string | null): string {
    return wire.replace(WIRE, (whole, id: string) => {
      const known = name(id);
      return known === null ? whole : this.label(id, known);
    });
  }

  /** From what people see to the wire. A name that was not chosen from the list is text. */
  write(text: string): string {
    const labels = [...this.#ids.keys()].sort((a, b) => b.length - a.length);
    if (labels.length === 0) return text;
    const names = labels.map((label) => label.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
    return text.replace(
      new RegExp(`@(${names})(?![\\p{L}\\p{N}_])`, 'gu'),
      (_, label: string) => `<@${this.#ids.get(label)!}>`,
    );
  }
}

/** What is being typed before the caret that can be completed. */
export interface Asked {
  kind: 'mention' | 'emoji';
  query: string;
  /** Where its `@` or `:` stands. */
  from: number;
}

const MENTION_ASKED = /(?:^|[\s(])@((?:[^\s@]{1,40}(?: [^\s@]{0,40})?)?)$/u;
const EMOJI_ASKED = /(?:^|[\s(]):([\p{L}\p{N}_+-]{2,30})$/u;

/** `@na` or `:smi` at the end of `before`, the text up to the caret. */
export function askedAt(before: string): Asked | null {
  const line = before.slice(-120);
  const mention = MENTION_ASKED.exec(line);
  if (mention !== null) return { kind: 'mention', query: mention[1]!, from: before.length - mention[1]!.length - 1 };
  const emoji = EMOJI_ASKED.exec(line);
  return emoji === null ? null : { kind: 'emoji', query: emoji[1]!, from: before.length - emoji[1]!.length - 1 };
}
