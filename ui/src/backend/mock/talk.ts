import type { BodyView, MessageView, RoomDetails, TimelineView } from '../../generated/view';
import { DAY, HOUR, ME, MINUTE, NOW, PEOPLE } from './world';

type Line = [who: string, minutesAgo: number, body: string | BodyView, more?: Partial<MessageView>];

const TALKS: Record<string, Line[]> = {
  'r-design': [
    ['lucia', 26 * 60, 'Good morning. The surveyor was there yesterday, the east wall is straighter than we feared.'],
    ['lucia', 26 * 60 - 1, 'Two centimetres over twelve metres.'],
    ['me', 26 * 60 - 9, 'That is wonderful news. So we keep the original windows?'],
    ['tobias', 25 * 60, 'I would. New frames would need a permit, and that takes *at least* four months.'],
    [
      'arjun',
      25 * 60 - 2,
      { type: 'text', text: 'Agreed. Rules are here: https://harbour.example/permits/windows (page 14).' },
    ],
    ['jisoo', 24 * 60, { type: 'call', call_id: 'call-old', outcome: 'completed', duration_s: 2_287 }],
    [
      'me',
      190,
      'Notes from the call:\n1. keep the windows\n2. **floor plan** by Thursday\n3. ask about the crane',
      { edited: true },
    ],
    ['sofie', 180, '👏'],
    ['jisoo', 170, '크레인은 제가 알아볼게요. I know someone at the port.'],
    ['lucia', 12, 'The scale in the old drawing was wrong, `1:50` and not `1:100`.'],
    ['lucia', 6, 'I put the new **floor plan** in the folder'],
    ['arjun', 4, 'Looking at it now'],
  ],
  'r-jisoo': [
    ['jisoo', 3 * 24 * 60, '안녕하세요 Mara! Did the parcel arrive?'],
    ['me', 3 * 24 * 60 - 4, 'It did, this morning. Thank you, the tea is lovely.'],
    ['me', 70, { type: 'call', call_id: 'call-missed', outcome: 'missed', duration_s: 0 }],
    ['jisoo', 62, 'Sorry, I was on the tram. Shall we talk at three?'],
    ['me', 31, 'Perfect, talk to you at three'],
  ],
  'r-amara': [
    ['amara', 24 * 60, 'Are you coming to the opening on Friday?'],
    ['me', 23 * 60, 'Yes, with Tobias.'],
    ['amara', 22, { type: 'call', call_id: 'call-missed', outcome: 'missed', duration_s: 0 }],
  ],
  'r-noam': [
    ['me', 2 * 24 * 60 + 30, 'The contract is signed. Congratulations!'],
    ['noam', 2 * 24 * 60, 'תודה רבה! נדבר מחר'],
  ],
  'r-tobias': [
    ['tobias', 200, 'Will send the measurements tonight'],
    ['me', 198, 'Thanks'],
  ],
};

export function message(seq: number, [who, minutesAgo, body, more]: Line): MessageView {
  const mine = who === 'me';
  const person = PEOPLE[who];
  const view: BodyView = typeof body === 'string' ? { type: 'text', text: body } : body;
  return {
    client_id: `c-${seq}`,
    id: `m-${seq}`,
    seq,
    sender_id: mine ? ME.user_id : (person?.id ?? 'u-echo'),
    sender_name: mine ? ME.display_name : (person?.display_name ?? 'Echo'),
    mine,
    sent_at_ms: NOW - minutesAgo * MINUTE,
    edited: false,
    body: view,
    state: { type: mine ? (minutesAgo > 60 ? 'read' : 'delivered') : 'stored' },
    can_edit: mine && view.type === 'text',
    can_delete: mine && view.type !== 'call',
    ...more,
  };
}

export function roomTalk(room: RoomDetails): TimelineView {
  const lines = TALKS[room.id] ?? [];
  return {
    room,
    messages: lines.map((line, index) => message(index + 1, line)),
    loading: false,
    has_older: false,
    loading_older: false,
    older_failed: false,
    unread_from: room.id === 'r-design' ? 10 : null,
    typing: room.id === 'r-jisoo' ? ['김지수'] : [],
    draft: '',
  };
}

const WORDS = [
  'The tiles for the stair came in.',
  'Can someone look at the invoice from March?',
  'Yes.',
  'I will be ten minutes late, the bridge is up again.',
  'Here is the longer explanation: the beam rests on the old wall, and the wall is younger than the rest of the house, so we need the opinion of the office before anything is cut. It is not urgent, and it would be good to know before the scaffolding is ordered.',
  'Good idea',
  'Tomorrow at nine?',
  'Fine with me',
];

/** A talk of `count` messages over many days. */
export function longTalk(room: RoomDetails, count: number): TimelineView {
  const who = ['lucia', 'lucia', 'me', 'jisoo', 'arjun', 'me', 'me', 'sofie'];
  const messages = Array.from({ length: count }, (_, index) =>
    message(index + 1, [
      who[(index * 7 + (index >> 3)) % who.length]!,
      ((count - index) * 11 * HOUR) / HOUR,
      WORDS[(index * 5 + (index >> 2)) % WORDS.length]!,
    ]),
  );
  return { ...roomTalk(room), messages, unread_from: null, has_older: true };
}

/** Every state that a message of one's own can be in. */
export function stateTalk(room: RoomDetails): TimelineView {
  const from = roomTalk(room);
  const own = (seq: number, minutesAgo: number, text: string, more: Partial<MessageView>) =>
    message(seq, ['me', minutesAgo, text, more]);
  return {
    ...from,
    unread_from: null,
    messages: [
      message(1, ['jisoo', (2 * DAY) / MINUTE, 'How does the new sofa look?']),
      own(2, 9, 'Better than I hoped', { state: { type: 'read' } }),
      message(3, ['jisoo', 8, { type: 'deleted' }]),
      own(4, 7, 'I will take a picture when there is light', { state: { type: 'delivered' }, edited: true }),
      own(5, 6, 'Or come and see', { state: { type: 'stored' } }),
      own(6, 1, 'Saturday would be good', {
        state: { type: 'sending' },
        id: null,
        seq: null,
        can_delete: false,
        can_edit: false,
      }),
      own(7, 1, 'Or Sunday', {
        state: { type: 'failed', code: 'offline' },
        id: null,
        seq: null,
        can_delete: false,
        can_edit: false,
      }),
    ],
  };
}
