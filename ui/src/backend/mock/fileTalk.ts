import type { BodyView, MessageView, RoomDetails, TimelineView } from '../../generated/view';
import { file, image, uploaded } from './files';
import { message, roomTalk } from './talk';

const withFiles = (text: string, attachments: ReturnType<typeof file>[]): BodyView => ({
  type: 'text',
  text,
  mentions: [],
  attachments,
});

/** Talk with pictures and files of every number and kind. */
export function filesOf(): MessageView[] {
  return [
    message(201, ['lucia', 90, withFiles('From the roof this morning', [image('img-harbour', 'IMG_2041.jpg')])]),
    message(202, [
      'lucia',
      88,
      withFiles('', [
        image('img-window', 'east wall.jpg'),
        image('img-stair', 'stair.jpg'),
        image('img-beams', 'beams.jpg'),
        image('img-tiles', 'tiles.jpg'),
      ]),
    ]),
    message(203, [
      'me',
      61,
      withFiles('The tiles are wonderful. Two for comparison:', [
        image('img-tiles', 'kitchen tiles.jpg', { key: 'img-tiles' }),
        image('img-beams', 'attic.jpg', { key: 'img-beams' }),
      ]),
    ]),
    message(204, [
      'arjun',
      34,
      withFiles('Here is the permit, and the numbers', [
        file('f-permit', 'Permit for the harbour front, windows and doors (signed).pdf', 2_431_000, 'application/pdf'),
        file('f-budget', 'budget-2027.xlsx', 48_200, 'application/octet-stream'),
      ]),
    ]),
    message(205, ['sofie', 8, withFiles('New **floor plan**', [image('img-plan', 'ground floor 1-50.png')])]),
  ];
}

export function fileTalk(room: RoomDetails): TimelineView {
  return { ...roomTalk(room), messages: filesOf(), unread_from: null };
}

/** Two messages of mine whose files are on their way, and one whose are not. */
export function uploadTalk(room: RoomDetails): TimelineView {
  const waiting: Partial<MessageView> = {
    id: null,
    seq: null,
    can_edit: false,
    can_delete: false,
    can_pin: false,
    can_answer: false,
  };
  const going = (at: number, share: number, body: BodyView) =>
    uploaded(message(at, ['me', 0, body, { ...waiting, state: { type: 'sending' } }]), share);
  return {
    ...roomTalk(room),
    unread_from: null,
    messages: [
      ...filesOf().slice(0, 1),
      message(210, [
        'me',
        1,
        withFiles('The west side', [image('img-window', 'west.jpg')]),
        { ...waiting, state: { type: 'failed', code: 'storage_full' } },
      ]),
      going(211, 0.62, withFiles('', [image('img-stair', 'stair.jpg'), image('img-plan', 'plan.png')])),
      going(
        212,
        0.3,
        withFiles('And the model', [file('draft-9', 'customs house model.zip', 21_400_000, 'application/zip')]),
      ),
    ],
  };
}

/** Pictures that cannot be had. */
export function lostTalk(room: RoomDetails): TimelineView {
  return {
    ...roomTalk(room),
    unread_from: null,
    messages: [
      message(220, ['lucia', 9, withFiles('From the roof', [image('img-harbour', 'IMG_2041.jpg', { key: 'lost' })])]),
    ],
  };
}
