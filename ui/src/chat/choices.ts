import { catalogueIn, findEmoji } from '../emoji/catalogue';
import { taste } from '../emoji/taste.svelte';
import type { PersonItem, RoomDetails } from '../generated/view';
import { language, t } from '../i18n/i18n.svelte';
import { presenceLine } from '../people/presence';
import { rank } from '../state/search';
import { EVERYONE, type Asked } from './mentions';

/** Something that completes what is being typed. */
export type Choice = { key: string; name: string; hint: string } & (
  { kind: 'person'; person: PersonItem } | { kind: 'everyone' } | { kind: 'emoji'; emoji: string }
);

const AT_MOST = 6;

/** What can stand in the place of `asked`, best first. */
export async function choicesFor(asked: Asked, room: RoomDetails): Promise<Choice[]> {
  if (asked.kind === 'mention') return people(asked.query, room);
  const catalogue = await catalogueIn(language());
  return findEmoji(catalogue, asked.query, AT_MOST).map((item) => ({
    kind: 'emoji',
    key: item.emoji,
    emoji: taste.of(item),
    name: `:${item.code}:`,
    hint: item.label,
  }));
}

function people(query: string, room: RoomDetails): Choice[] {
  const found = room.members
    .filter((member) => !member.me)
    .map(({ person }) => ({ person, fit: query === '' ? 1 : rank(person.display_name, query) }))
    .filter(({ fit }) => fit > 0)
    .sort((a, b) => b.fit - a.fit || a.person.display_name.localeCompare(b.person.display_name))
    .map(({ person }): Choice => ({
      kind: 'person',
      key: person.id,
      person,
      name: person.display_name,
      hint: person.bot ? '' : presenceLine(person),
    }));
  const names = [t('mention.everyone'), EVERYONE];
  const all: Choice[] =
    room.kind === 'group' && names.some((name) => query === '' || rank(name, query) > 1)
      ? [{ kind: 'everyone', key: EVERYONE, name: names[0]!, hint: t('mention.everyone_hint') }]
      : [];
  return [...found.slice(0, AT_MOST - all.length), ...all];
}
