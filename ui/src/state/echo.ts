import type { PeopleView, PersonItem, RoomsView } from '../generated/view';

/** The relay's echo partner, when the window knows of one. */
export function echoIn({ people, rooms }: { people: PeopleView; rooms: RoomsView }): PersonItem | null {
  return (
    people.people.find((person) => person.bot) ?? rooms.rooms.map((room) => room.peer).find((peer) => peer?.bot) ?? null
  );
}
