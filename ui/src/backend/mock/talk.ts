import type {
  BodyView,
  MentionView,
  MessageVersionView,
  MessageView,
  ReplyView,
  RoomDetails,
  TimelineView,
} from '../../generated/view';
import { DAY, HOUR, ME, MINUTE, NOW, PEOPLE } from './world';

/** A text without files, its mentions named. */
export function text(written: string, mentions: MentionView[] = []): BodyView {
  return { type: 'text', text: written, mentions, attachments: [] };
}

type Line = [who: string, minutesAgo: number, body: string | BodyView, more?: Partial<MessageView>];

const TALKS: Record<string, Line[]> = {
  'r-design': [
    ['lucia', 26 * 60, 'Good morning. The surveyor was there yesterday, the east wall is straighter than we feared.'],
    ['lucia', 26 * 60 - 1, 'Two centimetres over twelve metres.'],
    ['me', 26 * 60 - 9, 'That is wonderful news. So we keep the original windows?'],
    ['tobias', 25 * 60, 'I would. New frames would need a permit, and that takes *at least* four months.'],
    ['arjun', 25 * 60 - 2, text('Agreed. Rules are here: https://harbour.example/permits/windows (page 14).')],
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
  const view: BodyView = typeof body === 'string' ? text(body) : body;
  return {
    client_id: `c-${seq}`,
    id: `m-${seq}`,
    seq,
    sender_id: mine ? ME.user_id : (person?.id ?? 'u-echo'),
    sender_name: mine ? ME.display_name : (person?.display_name ?? 'Echo'),
    mine,
    sent_at_ms: NOW - minutesAgo * MINUTE,
    edited: false,
    reply: null,
    thread: null,
    reactions: [],
    pinned: false,
    mentions_me: false,
    body: view,
    state: { type: mine ? (minutesAgo > 60 ? 'read' : 'delivered') : 'stored' },
    can_edit: mine && view.type === 'text',
    can_delete: mine && view.type !== 'call',
    can_pin: view.type === 'text',
    can_answer: view.type === 'text',
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
    has_newer: false,
    loading_newer: false,
    focus: null,
    unread_from: room.id === 'r-design' ? 10 : null,
    typing: room.id === 'r-jisoo' ? ['김지수'] : [],
    draft: '',
  };
}

/** Mara and Lucía, as a mention names them. */
const MARA = (): MentionView => ({ user_id: ME.user_id, name: ME.display_name, me: true });
const LUCIA = (): MentionView => ({ user_id: 'u-lucia', name: PEOPLE.lucia!.display_name, me: false });

/** The replies of threads, by the message that began them. */
export const threads = (): Record<string, MessageView[]> => ({
  'm-3': [
    message(901, ['lucia', 96, 'Yes, all nine of them. Two need new panes.']),
    message(902, ['tobias', 91, 'I know a glazier who does *old* glass.']),
    message(903, [
      'me',
      88,
      'Perfect. Can you ask them for a price?',
      {
        reply: {
          message_id: 'm-902',
          seq: 902,
          sender_name: 'Tobias Achterberg',
          mine: false,
          text: 'I know a glazier who does old glass.',
          state: 'known',
        },
      },
    ]),
    message(904, [
      'tobias',
      70,
      '👍',
      { reactions: [{ emoji: '🎉', count: 2, mine: true, names: ['Lucía Fernández'] }] },
    ]),
  ],
});

/** Earlier texts of edited messages, newest first. */
export const versions = (): Record<string, MessageVersionView[]> => ({
  'm-7': [
    {
      text: 'Notes from the call:\n1. keep the windows\n2. floor plan by **Friday**',
      mentions: [],
      at_ms: NOW - 188 * MINUTE,
    },
    { text: 'Notes from the call: keep the windows', mentions: [], at_ms: NOW - 190 * MINUTE },
  ],
});

/** A talk with all that messages can carry. */
export function richTalk(room: RoomDetails): TimelineView {
  const reply = (more: Partial<ReplyView>): ReplyView => ({
    message_id: 'm-2',
    seq: 2,
    sender_name: 'Lucía Fernández',
    mine: false,
    text: 'Two centimetres over twelve metres.',
    state: 'known',
    ...more,
  });
  return {
    ...roomTalk(room),
    unread_from: null,
    messages: [
      message(1, [
        'lucia',
        300,
        'Good morning. The surveyor was there, the east wall is straighter than we feared.',
        {
          pinned: true,
          reactions: [
            { emoji: '🎉', count: 4, mine: true, names: ['Tobias Achterberg', 'Arjun Mehta', 'Sofie Nygård'] },
            { emoji: '👏', count: 1, mine: false, names: ['김지수'] },
          ],
        },
      ]),
      message(2, ['lucia', 299, 'Two centimetres over twelve metres.']),
      message(3, [
        'me',
        290,
        'That is wonderful news. So we keep the original windows?',
        {
          thread: { replies: 4, last_at_ms: NOW - 70 * MINUTE },
          reactions: [{ emoji: '❤️', count: 2, mine: false, names: ['Lucía Fernández', 'Tobias Achterberg'] }],
        },
      ]),
      message(4, [
        'tobias',
        240,
        text('<@u-me> I would. New frames need a permit, ask <@u-lucia>.', [MARA(), LUCIA()]),
        {
          mentions_me: true,
          reply: reply({
            message_id: 'm-3',
            seq: 3,
            sender_name: ME.display_name,
            mine: true,
            text: 'That is wonderful news. So we keep the original windows?',
          }),
        },
      ]),
      message(5, ['arjun', 230, 'Is that measured at the foot?', { reply: reply({}) }]),
      message(6, [
        'sofie',
        220,
        'I would have said the same.',
        { reply: reply({ sender_name: 'Arjun Mehta', text: '', state: 'deleted' }) },
      ]),
      message(7, [
        'me',
        190,
        'Notes from the call:\n1. keep the windows\n2. **floor plan** by Thursday\n3. ask about the crane',
        { edited: true, pinned: true },
      ]),
      message(8, [
        'jisoo',
        170,
        '크레인은 제가 알아볼게요. I know someone at the port.',
        { reply: reply({ seq: null, message_id: 'm-old', sender_name: '', text: '', state: 'unknown' }) },
      ]),
      message(9, [
        'arjun',
        120,
        'The script that reads the scanner:\n```python\ndef width(points):\n    xs = [p.x for p in points if p.floor == 0]\n    return max(xs) - min(xs)\n```\nRun it with `width(load("east.csv"))`.',
      ]),
      message(10, [
        'lucia',
        60,
        '> New frames need a permit\n\nThe office says:\n- no permit for the same size\n- a drawing for anything larger\n\nDetails at https://harbour.example/permits',
      ]),
      message(11, [
        'lucia',
        12,
        text('<@everyone> the crane comes on Monday at seven.', []),
        {
          mentions_me: true,
          reactions: [
            {
              emoji: '👍',
              count: 12,
              mine: false,
              names: ['Tobias Achterberg', 'Arjun Mehta', '김지수', 'Sofie Nygård'],
            },
          ],
        },
      ]),
      message(12, ['me', 4, '👏']),
    ],
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

/** What a peer may write to break the drawing. */
export function hostileTalk(room: RoomDetails): TimelineView {
  const lines = [
    '*'.repeat(4_000),
    `${'>'.repeat(40)} deep`,
    '['.repeat(800),
    '`'.repeat(800),
    `Z${'\u0335\u0321\u034c\u0313\u0350'.repeat(2_000)}algo`,
    '<img src=x onerror=alert(1)><script>alert(2)</script> [x](javascript:alert(3))',
    'W'.repeat(600),
    '\u202eright to left override\u202c and after',
    '👨‍👩‍👧‍👦🏳️‍🌈',
  ];
  return {
    ...roomTalk(room),
    unread_from: null,
    messages: lines.map((line, index) => message(index + 1, [index % 3 === 2 ? 'me' : 'yusuf', 20 - index, line])),
  };
}
