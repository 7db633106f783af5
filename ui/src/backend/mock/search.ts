import type { AttachmentView, MessageView, Query, RoomItem, SearchHit, SearchResults } from '../../generated/view';
import { rangesOf } from '../../search/marks';
import { dayFrom, filterOf, termsOf } from '../../search/terms';
import { fold } from '../../state/search';
import { ME } from './world';

type SearchQuery = Extract<Query, { type: 'search' }>;

const PAGE = 12;
const DAY_MS = 86_400_000;

/** Answers a search over the talk of the world, with the meaning that it has in the engine. */
export function searchIn(
  talk: readonly { room: RoomItem; messages: MessageView[] }[],
  query: SearchQuery,
): SearchResults {
  const terms = termsOf(query.query);
  const plain = terms.filter((term) => filterOf(term) === null && term.value !== '' && !isBareFilter(term.name));
  const words = plain.filter((term) => !term.quoted).map((term) => term.value);
  const phrases = plain.filter((term) => term.quoted).map((term) => term.value);
  const of = (filter: string) => terms.filter((term) => filterOf(term) === filter).map((term) => term.value);
  const [from, rooms, has] = [of('from'), of('in'), of('has').map((kind) => kind.toLowerCase())];
  const since = Math.max(
    ...of('after').map((day) => dayFrom(day)! + DAY_MS),
    ...of('on').map((day) => dayFrom(day)!),
    0,
  );
  const until = Math.min(
    ...of('before').map((day) => dayFrom(day)!),
    ...of('on').map((day) => dayFrom(day)! + DAY_MS),
    Infinity,
  );
  const hits = talk
    .filter(({ room }) => query.room_id === null || room.id === query.room_id)
    .filter(({ room }) => rooms.length === 0 || rooms.some((name) => fold(room.title).startsWith(fold(name))))
    .flatMap(({ room, messages }) =>
      messages
        .filter((message) => message.sent_at_ms >= since && message.sent_at_ms < until)
        .filter((message) => from.length === 0 || from.some((name) => isFrom(message, name)))
        .filter((message) => fits(message, words, phrases, has))
        .map((message): SearchHit => ({ room_id: room.id, room_title: room.title, message })),
    )
    .sort((a, b) => b.message.sent_at_ms - a.message.sent_at_ms);
  const start = query.before === null ? 0 : Number(query.before);
  const next = start + PAGE < hits.length ? String(start + PAGE) : null;
  return { hits: hits.slice(start, start + PAGE), next, words, phrases };
}

const isBareFilter = (name: string | null) => name === 'from' || name === 'in';

function isFrom(message: MessageView, name: string): boolean {
  if (name.toLowerCase() === 'me') return message.sender_id === ME.user_id;
  return fold(name)
    .split(/\s+/)
    .every((word) =>
      fold(message.sender_name)
        .split(/\s+/)
        .some((part) => part.startsWith(word)),
    );
}

function fits(message: MessageView, words: string[], phrases: string[], has: string[]): boolean {
  if (message.body.type !== 'text') return false;
  const { text, attachments } = message.body;
  const names = [text, ...attachments.map((attachment: AttachmentView) => attachment.name)].join('\n');
  const kinds = (kind: string) =>
    kind === 'link' ? /https?:\/\//.test(text) : attachments.some((attachment) => attachment.kind.type === kind);
  return (
    words.every((word) => rangesOf(names, [word], []).length > 0) &&
    phrases.every((phrase) => rangesOf(names, [], [phrase]).length > 0) &&
    has.every(kinds)
  );
}
