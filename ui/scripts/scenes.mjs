/**
 * What is drawn: a scene of src/backend/mock/scenes.ts, and the steps of a person in it.
 * `only` names what differs from the usual grid of themes and widths.
 */
const id = (name) => `[data-testid=${name}]`;
const press = (key) => (page) => page.keyboard.press(key);
const click = (name) => (page) => page.locator(id(name)).first().click();
const fill = (name, text) => (page) => page.locator(id(name)).fill(text);
const wait = (name) => (page) => page.locator(id(name)).first().waitFor();
const scrolled = (name) => (page) => page.locator(id(name)).scrollIntoViewIfNeeded();
const pictures =
  (name, count = 2) =>
  (page) =>
    page.waitForFunction(
      ([test, least]) => Number(document.querySelector(test)?.dataset.frames ?? 0) >= least,
      [id(name), count],
    );

/** Lets time pass, so that graphs have something to show. */
const minutes = [
  async (page) => {
    // Timers fire once in each step: 95 seconds of figures, and not of frames.
    for (let second = 0; second < 95; second++) await page.clock.fastForward(1_000);
  },
  (page) => page.locator('[data-testid=stats] table').waitFor(),
];
const check = [click('call-more'), click('call-check'), wait('before-call')];
const noise = (word) => (page) => page.locator(`${id('noise')}[data-noise=${word}]`).waitFor();

/** Files are made in the page: as a command to the browser their bytes would take seconds. */
const chosen = (page, input, files) =>
  page.locator(id(input)).evaluate(async (element, list) => {
    const carried = new DataTransfer();
    for (const [name, type, bytes, pixels] of list) {
      let parts = [new Uint8Array(bytes)];
      if (pixels) {
        const [w, h] = pixels;
        const canvas = Object.assign(document.createElement('canvas'), { width: w, height: h });
        const pen = canvas.getContext('2d');
        const sky = pen.createLinearGradient(0, 0, w, h);
        sky.addColorStop(0, '#274b7a');
        sky.addColorStop(0.6, '#e08a5c');
        sky.addColorStop(1, '#ffdf9e');
        pen.fillStyle = sky;
        pen.fillRect(0, 0, w, h);
        pen.fillStyle = '#fff3d6';
        pen.beginPath();
        pen.arc(w * 0.66, h * 0.4, h * 0.16, 0, 7);
        pen.fill();
        parts = [await new Promise((done) => canvas.toBlob(done))];
      }
      carried.items.add(new File(parts, name, { type }));
    }
    element.files = carried.files;
    element.dispatchEvent(new Event('change', { bubbles: true }));
  }, files);
const attached = async (page) => {
  await chosen(page, 'attach-input', [
    ['evening at the harbour.png', 'image/png', 0, [900, 600]],
    ['Permit for the harbour front (signed).pdf', 'application/pdf', 2_431_000],
    ['survey.tiff.jpg', 'image/jpeg', 6_800_000],
  ]);
  await page
    .locator(`${id('draft')}[data-state=ready]`)
    .nth(1)
    .waitFor();
};
const seen = (name) => (page) =>
  page
    .locator(`${id(name)}[data-loaded=true]`)
    .first()
    .waitFor();
const rest = (page) => page.waitForTimeout(450);
const find = (text) => [press('Control+Shift+f'), fill('search-messages', text)];
const dragged = (page) =>
  page.locator(id('room')).evaluate((room) => {
    const carried = new DataTransfer();
    carried.items.add(new File(['x'], 'plan.png', { type: 'image/png' }));
    room.dispatchEvent(new DragEvent('dragenter', { bubbles: true, cancelable: true, dataTransfer: carried }));
  });
const settings = (tab) => [click('nav-settings'), click(`tab-${tab}`)];

const type = (name, text) => async (page) => {
  await page.locator(id(name)).click();
  await page.keyboard.type(text);
};
const settle = (page) => page.waitForTimeout(300);
const toEnd = (page) =>
  page
    .locator(id('timeline'))
    .evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    })
    .then(() => page.waitForTimeout(150));
const threadOf = (message) => [
  (page) => page.locator(message).focus(),
  press('t'),
  wait('thread'),
  (page) => page.locator(`${id('thread-messages')}[aria-busy=false]`).waitFor(),
];

const paste = (link) => [click('auth-guest'), fill('guest-link', `https://relay.nordlicht.example/invite/${link}`)];
const shows = (name) => (page) =>
  page.locator(`${id('invite-preview')}[data-state=${name}]`).waitFor({ state: 'attached' });
const details = [wait('message'), (page) => page.locator('header .who').click(), wait('details')];

export const SHOTS = [
  { name: 'starting', scene: 'starting', steps: [wait('starting')] },
  { name: 'unlock', scene: 'locked', steps: [wait('unlock-form')] },
  { name: 'unlock-wrong', scene: 'locked-wrong', steps: [wait('unlock-form')] },
  { name: 'sign-up', scene: 'sign-up', steps: [wait('auth-form')] },
  {
    name: 'sign-up-errors',
    scene: 'sign-up',
    steps: [fill('auth-name', 'A'), fill('auth-email', 'mara'), click('auth-submit')],
  },
  {
    name: 'sign-up-taken',
    scene: 'sign-up',
    steps: [
      fill('auth-name', 'Mara Lindqvist'),
      fill('auth-email', 'taken@example.org'),
      fill('auth-password', 'correct horse'),
      click('auth-submit'),
      (page) => page.locator('[aria-invalid=true]').waitFor(),
    ],
  },
  { name: 'sign-in-expired', scene: 'sign-in', steps: [wait('auth-form')] },
  {
    name: 'sign-in-wrong',
    scene: 'sign-in',
    steps: [
      fill('auth-email', 'mara@example.org'),
      fill('auth-password', 'wrong-password'),
      click('auth-submit'),
      wait('auth-problem'),
    ],
  },
  {
    name: 'sign-in-relay-away',
    scene: 'sign-in',
    steps: [
      click('auth-relay-open'),
      fill('auth-relay', 'https://away.example'),
      fill('auth-email', 'mara@example.org'),
      fill('auth-password', 'correct horse'),
      click('auth-submit'),
      wait('auth-problem'),
    ],
  },
  { name: 'keep-choice', scene: 'keep-choice', steps: [wait('keep-choice')] },
  { name: 'home-loading', scene: 'home-loading', steps: [(page) => page.waitForTimeout(500)] },
  { name: 'home-empty', scene: 'home-empty', steps: [wait('person-item')] },
  { name: 'home', scene: 'home', steps: [wait('room-item')] },
  { name: 'search', scene: 'home', steps: [fill('search', 'a'), (page) => page.waitForTimeout(500)] },
  { name: 'search-nothing', scene: 'home', steps: [fill('search', 'zzzz'), (page) => page.waitForTimeout(700)] },
  { name: 'search-failed', scene: 'search-failed', steps: [fill('search', 'ma'), (page) => page.waitForTimeout(500)] },
  { name: 'new-menu', scene: 'home', steps: [click('new-menu'), wait('new-group')] },
  {
    name: 'create-group',
    scene: 'home',
    steps: [click('new-menu'), click('new-group'), fill('group-name', 'Garden'), click('picker-person')],
  },
  {
    name: 'join-wrong',
    scene: 'home',
    steps: [
      click('new-menu'),
      click('join-invite'),
      fill('join-code', 'abc'),
      click('join-submit'),
      (page) => page.locator('[role=alert]').waitFor(),
    ],
  },
  { name: 'switcher', scene: 'home', steps: [wait('room-item'), press('Control+k'), wait('switcher-input')] },
  { name: 'shortcuts', scene: 'home', steps: [wait('room-item'), press('?'), wait('shortcuts-dialog')] },
  { name: 'account-menu', scene: 'home', steps: [click('account-menu'), wait('sign-out')] },
  { name: 'sign-out', scene: 'home', steps: [click('account-menu'), click('sign-out'), wait('sign-out-yes')] },
  { name: 'offline', scene: 'offline', steps: [wait('offline')] },
  { name: 'room-group', scene: 'room', steps: [wait('message')] },
  { name: 'room-direct', scene: 'room-direct', steps: [wait('message')] },
  { name: 'room-right-to-left', scene: 'room-rtl', steps: [wait('message')] },
  { name: 'room-empty', scene: 'room-empty', steps: [wait('composer')] },
  { name: 'room-loading', scene: 'room-loading', steps: [(page) => page.waitForTimeout(500)] },
  { name: 'room-states', scene: 'room-states', steps: [wait('message-failed')] },
  {
    name: 'room-long',
    scene: 'room-long',
    steps: [
      wait('message'),
      (page) =>
        page.locator(id('timeline')).evaluate((element) => {
          element.scrollTop = 40_000;
        }),
      wait('to-newest'),
    ],
  },
  { name: 'room-older-failed', scene: 'room-older-failed', steps: [wait('message')] },
  { name: 'room-joinable', scene: 'room-joinable', steps: [wait('joinable')] },
  { name: 'room-blocked', scene: 'room-blocked', steps: [wait('message')] },
  {
    name: 'message-menu',
    scene: 'room-direct',
    steps: [
      (page) => page.locator(id('message')).last().hover(),
      (page) => page.locator(id('message-menu')).last().click(),
      wait('message-delete'),
    ],
  },
  { name: 'message-editing', scene: 'room-direct', steps: [click('composer'), press('ArrowUp')] },
  {
    name: 'message-undo',
    scene: 'room-direct',
    steps: [
      (page) => page.locator(id('message')).last().hover(),
      (page) => page.locator(id('message-menu')).last().click(),
      click('message-delete'),
      wait('toast-action'),
    ],
  },
  { name: 'rich', scene: 'room-rich', steps: [wait('reaction')] },
  { name: 'rich-end', scene: 'room-rich', steps: [wait('reaction'), toEnd] },
  { name: 'hostile', scene: 'room-hostile', steps: [wait('message')] },
  { name: 'hostile-end', scene: 'room-hostile', steps: [wait('message'), toEnd] },
  {
    name: 'message-toolbar',
    scene: 'room-rich',
    steps: [
      wait('reaction'),
      toEnd,
      (page) => page.locator('[data-seq="10"] [data-testid=message-text]').hover(),
      wait('message-react'),
    ],
  },
  {
    name: 'message-context-menu',
    scene: 'room-rich',
    steps: [
      wait('reaction'),
      toEnd,
      (page) => page.locator('[data-seq="9"] [data-testid=message-text]').click({ button: 'right' }),
      wait('message-pin'),
    ],
  },
  {
    name: 'reaction-names',
    scene: 'room-rich',
    steps: [(page) => page.locator(id('reaction')).last().focus(), press('Shift+Tab'), press('Tab')],
  },
  {
    name: 'emoji-picker',
    scene: 'room-rich',
    steps: [click('composer-emoji'), wait('emoji')],
  },
  {
    name: 'emoji-search',
    scene: 'room-rich',
    steps: [click('composer-emoji'), fill('emoji-search', 'h'), wait('emoji'), press('ArrowDown'), press('ArrowRight')],
  },
  {
    name: 'emoji-none',
    scene: 'room-rich',
    steps: [click('composer-emoji'), fill('emoji-search', 'zzzz'), (page) => page.waitForTimeout(200)],
  },
  { name: 'mention-list', scene: 'room-rich', steps: [type('composer', 'Thanks @'), wait('completion-item')] },
  { name: 'emoji-list', scene: 'room-rich', steps: [type('composer', 'Fine :smi'), wait('completion-item')] },
  {
    name: 'replying',
    scene: 'room-rich',
    steps: [wait('reaction'), toEnd, (page) => page.locator('[data-seq="9"]').focus(), press('r'), wait('replying')],
  },
  { name: 'thread', scene: 'room-thread', steps: [wait('thread'), settle] },
  { name: 'thread-empty', scene: 'room-rich', steps: [toEnd, ...threadOf('[data-seq="10"]'), settle] },
  { name: 'pins', scene: 'room-rich', steps: [click('room-menu'), click('room-pins'), wait('pin'), settle] },
  { name: 'pins-none', scene: 'room-direct', steps: [click('room-menu'), click('room-pins'), wait('pins'), settle] },
  { name: 'room-menu', scene: 'room-rich', steps: [click('room-menu'), wait('go-to-date')] },
  { name: 'go-to-date', scene: 'room-rich', steps: [click('room-menu'), click('go-to-date'), wait('date')] },
  {
    name: 'versions',
    scene: 'room-rich',
    steps: [wait('reaction'), (page) => page.locator(id('message-edited')).first().click(), wait('version')],
  },
  {
    name: 'receipts',
    scene: 'room-rich',
    steps: [
      wait('reaction'),
      toEnd,
      (page) => page.locator(id('message')).last().focus(),
      press('Enter'),
      click('message-receipts'),
      wait('receipts-read'),
    ],
  },
  { name: 'jumped', scene: 'room-jumped', steps: [wait('jumped')] },
  {
    name: 'last-room',
    scene: 'home',
    steps: [click('room-item'), wait('message'), (page) => page.reload(), wait('message')],
  },
  { name: 'caught-up', scene: 'room-behind', steps: [wait('unread-line')] },
  {
    name: 'composer-long',
    scene: 'room-direct',
    steps: [fill('composer', 'A long message that goes on. '.repeat(140))],
  },
  {
    name: 'details-group',
    scene: 'group-details',
    steps: [...details, (page) => page.waitForTimeout(300)],
  },
  {
    name: 'details-direct',
    scene: 'room-direct',
    steps: [...details, (page) => page.waitForTimeout(300)],
  },
  {
    name: 'delete-room',
    scene: 'group-details',
    steps: [...details, click('delete-room'), wait('delete-yes')],
  },
  { name: 'incoming', scene: 'incoming', steps: [wait('accept')] },
  { name: 'outgoing', scene: 'outgoing', steps: [wait('call')] },
  { name: 'connecting', scene: 'connecting', steps: [wait('call')] },
  { name: 'call', scene: 'call', steps: [pictures('remote-video'), pictures('self-video')] },
  { name: 'call-camera-off', scene: 'call-camera-off', steps: [wait('call')] },
  { name: 'call-reconnecting', scene: 'call-reconnecting', steps: [pictures('remote-video')] },
  { name: 'call-problems', scene: 'call-problems', steps: [pictures('remote-video')] },
  { name: 'call-grid', scene: 'call-grid', steps: [pictures('remote-video')] },
  {
    name: 'call-stats',
    scene: 'call',
    clock: true,
    steps: [click('call-stats'), ...minutes],
  },
  { name: 'call-stats-waiting', scene: 'connecting', steps: [click('call-stats'), wait('stats')] },
  { name: 'call-stats-grid', scene: 'call-grid', clock: true, steps: [click('call-stats'), ...minutes] },
  { name: 'call-stats-loss', scene: 'quality-loss', clock: true, steps: [click('call-stats'), ...minutes] },
  {
    name: 'call-stats-table',
    scene: 'quality-your_upload',
    clock: true,
    steps: [
      click('call-stats'),
      ...minutes,
      (page) =>
        page.locator(id('stats')).evaluate((panel) => {
          panel.scrollTop = panel.scrollHeight;
        }),
    ],
  },
  ...['your_upload', 'their_upload', 'loss', 'delay', 'their_microphone', 'your_microphone', 'video_paused'].map(
    (cause) => ({
      name: `quality-${cause}`,
      scene: `quality-${cause}`,
      steps: [wait('quality-cause')],
    }),
  ),
  { name: 'quality-reconnecting', scene: 'quality-reconnecting', steps: [wait('quality')] },
  { name: 'call-muted-hint', scene: 'call-muted-hint', steps: [pictures('remote-video'), wait('hint-unmute')] },
  {
    name: 'call-volume',
    scene: 'call-grid',
    steps: [
      pictures('remote-video'),
      (page) => page.locator(id('participant')).first().hover(),
      click('tile-volume'),
      wait('volume-popover'),
    ],
  },
  { name: 'before-call', scene: 'before-call', steps: [...check, pictures('preview'), noise('quiet')] },
  { name: 'before-join', scene: 'before-join', steps: [...check, pictures('preview'), wait('inside')] },
  { name: 'before-listening', scene: 'before-listening', steps: [...check, noise('listening')] },
  { name: 'before-noise', scene: 'before-noise', steps: [...check, pictures('preview'), noise('some')] },
  { name: 'before-loud', scene: 'before-loud', steps: [...check, pictures('preview'), noise('loud')] },
  { name: 'before-off', scene: 'before-off', steps: [...check, noise('quiet')] },
  { name: 'before-problems', scene: 'before-problems', steps: [...check, wait('level')] },
  { name: 'before-none', scene: 'before-none', steps: [...check, wait('level')] },
  {
    name: 'before-accept',
    scene: 'incoming',
    steps: [click('incoming-check'), wait('before-call'), pictures('preview'), noise('quiet')],
  },
  { name: 'call-more', scene: 'room-direct', steps: [click('call-more'), wait('call-check')] },
  {
    name: 'call-details',
    scene: 'call-details',
    steps: [click('call-details-open'), (page) => page.locator('[data-testid=call-details] table').first().waitFor()],
  },
  {
    name: 'call-details-none',
    scene: 'call-details-none',
    steps: [click('call-details-open'), wait('call-details-none')],
  },
  {
    name: 'call-details-failed',
    scene: 'call-details-failed',
    steps: [click('call-details-open'), (page) => page.locator('[data-testid=call-details] [role=alert]').waitFor()],
  },
  {
    name: 'call-devices',
    scene: 'call',
    steps: [pictures('remote-video'), click('call-devices'), wait('devices-popover')],
  },
  {
    name: 'call-full',
    scene: 'call',
    steps: [pictures('remote-video'), click('fullscreen'), (page) => page.waitForTimeout(400)],
  },
  { name: 'call-bar', scene: 'call-bar', steps: [pictures('bar-video')] },
  { name: 'call-ended', scene: 'call-ended', steps: [wait('call-ended')] },
  {
    name: 'settings-devices',
    scene: 'settings',
    steps: [click('nav-settings'), click('preview-toggle'), pictures('preview')],
  },
  { name: 'settings-problems', scene: 'settings-problems', steps: [click('nav-settings')] },
  { name: 'settings-voice', scene: 'settings', steps: [click('nav-settings'), scrolled('voice-high_pass')] },
  {
    name: 'settings-no-echo',
    scene: 'settings-no-echo',
    steps: [
      click('nav-settings'),
      scrolled('settings-echo'),
      click('settings-echo'),
      (page) => page.getByText('This relay has no Echo.').or(page.getByText('kein Echo')).waitFor(),
    ],
  },
  { name: 'settings-privacy', scene: 'settings', steps: [click('nav-settings'), click('tab-privacy')] },
  { name: 'settings-appearance', scene: 'settings', steps: [click('nav-settings'), click('tab-appearance')] },
  { name: 'settings-account', scene: 'settings', steps: [click('nav-settings'), click('tab-account')] },
  { name: 'settings-shortcuts', scene: 'settings', steps: [click('nav-settings'), click('tab-shortcuts')] },
  { name: 'settings-about', scene: 'settings', steps: [click('nav-settings'), click('tab-about')] },
  { name: 'find-start', scene: 'home', steps: [wait('room-item'), press('Control+Shift+f'), wait('search-filters')] },
  { name: 'find-hits', scene: 'home', steps: [wait('room-item'), ...find('harbour'), wait('search-hit'), rest] },
  {
    name: 'find-room',
    scene: 'room',
    steps: [wait('message'), press('Control+f'), fill('search-messages', 'pl'), wait('search-hit'), rest],
  },
  {
    name: 'find-filters',
    scene: 'home',
    steps: [wait('room-item'), ...find('from:lucía has:image after:2020-02-28'), wait('search-chip'), rest],
  },
  { name: 'find-mistaken', scene: 'home', steps: [wait('room-item'), ...find('floor before:tomorrow'), rest] },
  { name: 'find-complete', scene: 'home', steps: [wait('room-item'), ...find('floor from:'), rest] },
  { name: 'find-days', scene: 'home', steps: [wait('room-item'), ...find('before:'), rest] },
  { name: 'find-none', scene: 'home', steps: [wait('room-item'), ...find('zeppelin has:file'), rest] },
  {
    name: 'find-none-here',
    scene: 'room',
    steps: [wait('message'), press('Control+f'), fill('search-messages', 'zeppelin'), rest],
  },
  {
    name: 'find-offline',
    scene: 'search-offline',
    steps: [wait('message'), ...find('the'), wait('search-device-only'), rest],
  },
  {
    name: 'find-relay-failed',
    scene: 'search-relay-failed',
    steps: [wait('room-item'), ...find('harbour'), wait('search-device-only'), rest],
  },
  { name: 'find-loading', scene: 'search-slow', steps: [wait('room-item'), ...find('harbour'), rest] },
  { name: 'find-broken', scene: 'search-broken', steps: [wait('room-item'), ...find('harbour'), rest] },
  { name: 'find-list', scene: 'home', steps: [fill('search', 'harb'), wait('search-hit'), rest] },
  {
    name: 'find-switcher',
    scene: 'home',
    steps: [wait('room-item'), press('Control+k'), fill('switcher-input', 'floor plan')],
  },
  { name: 'files', scene: 'files', steps: [seen('image'), rest] },
  {
    name: 'files-above',
    scene: 'files',
    steps: [
      seen('image'),
      (page) =>
        page.locator(id('timeline')).evaluate((element) => {
          element.scrollTop = 0;
        }),
      rest,
    ],
  },
  { name: 'files-uploading', scene: 'files-uploading', steps: [wait('upload-cancel'), rest] },
  { name: 'files-lost', scene: 'files-lost', steps: [wait('image'), rest] },
  { name: 'drafts', scene: 'room', steps: [wait('message'), attached, fill('composer', 'All of it, as promised')] },
  { name: 'drop', scene: 'room', steps: [wait('message'), dragged] },
  {
    name: 'viewer',
    scene: 'files',
    steps: [seen('image'), (page) => page.locator(id('image')).last().click(), seen('viewer-picture')],
  },
  {
    name: 'viewer-zoomed',
    scene: 'files',
    steps: [
      seen('image'),
      (page) => page.locator(id('image')).last().click(),
      press('ArrowLeft'),
      seen('viewer-picture'),
      press('+'),
      press('+'),
    ],
  },
  {
    name: 'viewer-lost',
    scene: 'files-lost',
    steps: [
      wait('image'),
      rest,
      (page) => page.evaluate(() => document.querySelector('[data-testid=image] img').dispatchEvent(new Event('load'))),
      click('image'),
      (page) => page.locator('[data-testid=viewer-stage] [role=alert]').waitFor(),
    ],
  },
  { name: 'profile', scene: 'settings', steps: [...settings('profile'), wait('profile'), rest] },
  { name: 'profile-failed', scene: 'profile-failed', steps: [...settings('profile'), rest] },
  {
    name: 'crop',
    scene: 'settings',
    steps: [
      ...settings('profile'),
      wait('profile'),
      (page) => chosen(page, 'picture-input', [['me.png', 'image/png', 0, [900, 600]]]),
      wait('crop-use'),
      rest,
    ],
  },
  {
    name: 'picture-unreadable',
    scene: 'settings',
    steps: [
      ...settings('profile'),
      wait('profile'),
      (page) => chosen(page, 'picture-input', [['me.png', 'image/png', 12]]),
      (page) => page.locator('[data-testid=profile] [role=alert]').waitFor(),
    ],
  },
  { name: 'sessions', scene: 'settings', steps: [...settings('sessions'), wait('session')] },
  {
    name: 'sessions-revoke',
    scene: 'settings',
    steps: [...settings('sessions'), click('session-revoke'), wait('session-revoke-yes')],
  },
  ...['keyring', 'passphrase', 'session', 'none'].map((protection) => ({
    name: `history-${protection}`,
    scene: `history-${protection}`,
    steps: [...settings('privacy'), wait('protection'), rest],
  })),
  {
    name: 'history-wipe',
    scene: 'settings',
    steps: [...settings('privacy'), click('wipe'), wait('wipe-yes')],
  },
  { name: 'sign-up-invite', scene: 'sign-up-invite', steps: [wait('auth-code')] },
  {
    name: 'sign-up-invite-wrong',
    scene: 'sign-up-invite',
    steps: [
      wait('auth-code'),
      fill('auth-name', 'Mara Lindqvist'),
      fill('auth-email', 'mara@nordlicht.example'),
      fill('auth-password', 'correct horse'),
      fill('auth-code', 'old-code'),
      click('auth-submit'),
      (page) => page.locator('[aria-invalid=true]').waitFor(),
    ],
  },
  {
    name: 'sign-up-closed',
    scene: 'sign-up',
    steps: [
      fill('auth-name', 'Mara Lindqvist'),
      click('auth-relay-open'),
      fill('auth-relay', 'https://closed.example.org'),
      wait('auth-closed'),
    ],
  },
  { name: 'sign-in-closed', scene: 'sign-in-closed', steps: [wait('auth-closed')] },
  { name: 'goodbye', scene: 'goodbye', steps: [wait('auth-form'), rest] },
  { name: 'guest-link', scene: 'sign-up', steps: [click('auth-guest'), wait('guest-link')] },
  { name: 'guest-join', scene: 'sign-up', steps: [...paste('Zk3vQpX9tRy8Lw2mHc5dNa'), fill('guest-name', 'Jonas')] },
  { name: 'guest-keeping', scene: 'guest-keeping', steps: [...paste('Zk3vQpX9tRy8Lw2mHc5dNa'), wait('keep-choice')] },
  { name: 'guest-looking', scene: 'sign-up', steps: [...paste('slow'), shows('looking'), rest] },
  { name: 'guest-refused', scene: 'sign-up', steps: [...paste('gone'), shows('refused')] },
  { name: 'guest-needs-account', scene: 'sign-up', steps: [...paste('members'), wait('guest-needs-account')] },
  { name: 'guest-to-account', scene: 'sign-up', steps: [...paste('account-7'), shows('found')] },
  {
    name: 'guest-signs-in',
    scene: 'sign-up',
    steps: [
      ...paste('members'),
      click('guest-sign-in'),
      fill('auth-email', 'mara@nordlicht.example'),
      fill('auth-password', 'correct horse'),
      click('auth-submit'),
      wait('join-dialog'),
      shows('found'),
    ],
  },
  { name: 'guest-home', scene: 'guest-home', steps: [wait('room-item')] },
  { name: 'guest-account', scene: 'guest-home', steps: [...settings('account'), wait('guest-card')] },
  {
    name: 'guest-sign-out',
    scene: 'guest-home',
    steps: [...settings('account'), click('settings-sign-out'), wait('sign-out-dialog')],
  },
  {
    name: 'join-preview',
    scene: 'home',
    steps: [
      click('new-menu'),
      click('join-invite'),
      fill('join-code', 'https://relay.nordlicht.example/invite/Zk3vQpX9tRy8Lw2mHc5dNa'),
      shows('found'),
    ],
  },
  {
    name: 'join-other-relay',
    scene: 'home',
    steps: [
      click('new-menu'),
      click('join-invite'),
      fill('join-code', 'https://talk.southwind.example/invite/other'),
      shows('found'),
    ],
  },
  { name: 'invites', scene: 'group-details', steps: [...details, scrolled('room-guests'), rest] },
  {
    name: 'invites-made',
    scene: 'group-details',
    steps: [...details, click('invite-make'), scrolled('room-guests'), rest],
  },
  { name: 'invites-none', scene: 'invites-none', steps: [...details, scrolled('room-guests'), rest] },
  { name: 'invites-failed', scene: 'invites-failed', steps: [...details, scrolled('room-guests'), rest] },
  { name: 'invites-moderator', scene: 'moderator', steps: [...details, scrolled('room-guests-on'), rest] },
  {
    name: 'invite-revoke',
    scene: 'group-details',
    steps: [...details, click('invite-revoke'), wait('invite-revoke-dialog')],
  },
  {
    name: 'guests-off',
    scene: 'group-details',
    steps: [...details, click('room-guests'), wait('guests-off')],
  },
  { name: 'details-export', scene: 'group-details', steps: [...details, scrolled('delete-room'), rest] },
  {
    name: 'direct-export',
    scene: 'room-direct',
    steps: [...details, scrolled('export-html'), rest],
  },
  { name: 'member-roles', scene: 'group-details', steps: [...details, click('member-menu'), wait('make-member')] },
  { name: 'exporting', scene: 'exporting', steps: [wait('export'), rest] },
  { name: 'exporting-data', scene: 'exporting-data', steps: [...settings('account'), scrolled('export-data'), rest] },
  {
    name: 'export-failed',
    scene: 'export-failed',
    steps: [...details, click('export-html'), (page) => page.locator('[data-testid=details] [role=alert]').waitFor()],
  },
  { name: 'notifications', scene: 'settings', steps: [...settings('notifications'), wait('dnd')] },
  { name: 'notifications-quiet', scene: 'quiet', steps: [...settings('notifications'), wait('quiet')] },
  {
    name: 'notifications-none',
    scene: 'no-notifications',
    steps: [...settings('notifications'), wait('no-notifications')],
  },
  { name: 'quiet', scene: 'quiet-on', steps: [wait('room-item'), click('account-menu'), wait('dnd-off')] },
  { name: 'quiet-menu', scene: 'home', steps: [wait('room-item'), click('account-menu'), wait('dnd-hour')] },
  {
    name: 'password-errors',
    scene: 'settings',
    steps: [
      ...settings('account'),
      fill('password-old', 'wrong-password'),
      fill('password-new', 'another good one'),
      click('password-change'),
      (page) => page.locator('[aria-invalid=true]').waitFor(),
    ],
  },
  { name: 'account-delete', scene: 'settings', steps: [...settings('account'), click('account-delete'), rest] },
  {
    name: 'account-delete-wrong',
    scene: 'settings',
    steps: [
      ...settings('account'),
      click('account-delete'),
      fill('delete-account-password', 'wrong-password'),
      click('delete-account-yes'),
      (page) => page.locator('[aria-invalid=true]').waitFor(),
    ],
  },
  { name: 'relay-invites', scene: 'settings', steps: [...settings('invites'), wait('invite')] },
];

/** Drawn beside the usual grid: other colours, languages, directions and sizes. */
const SHOWPIECES = [
  'find-hits',
  'files',
  'drafts',
  'viewer',
  'profile',
  'crop',
  'sessions',
  'history-session',
  'sign-up',
  'home',
  'room-group',
  'room-states',
  'call',
  'details-group',
  'create-group',
  'settings-appearance',
  'incoming',
];
export const EXTRAS = [
  ...SHOWPIECES.flatMap((name) => [
    { name, theme: 'dark', accent: 'synthwave', width: 1280 },
    { name, theme: 'light', accent: 'synthwave', width: 1280 },
    { name, theme: 'dark', accent: 'high_contrast', width: 1280 },
    { name, theme: 'light', accent: 'high_contrast', width: 1280 },
    { name, theme: 'dark', width: 2560 },
    { name, theme: 'light', lang: 'de', width: 380 },
    { name, theme: 'dark', lang: 'de', width: 1280 },
    { name, theme: 'dark', lang: 'ko', width: 800 },
    { name, theme: 'light', dir: 'rtl', width: 1280 },
    { name, theme: 'dark', dir: 'rtl', width: 380 },
    { name, theme: 'light', density: 'compact', width: 1280 },
  ]),
  { name: 'settings-shortcuts', theme: 'dark', lang: 'de', width: 380 },
  ...[
    'guest-join',
    'invites',
    'notifications-quiet',
    'account-delete',
    'exporting',
    'quiet-menu',
    'guest-account',
  ].flatMap((name) => [
    { name, theme: 'light', lang: 'de', width: 380 },
    { name, theme: 'dark', lang: 'ko', width: 800 },
    { name, theme: 'light', dir: 'rtl', width: 1280 },
    { name, theme: 'dark', dir: 'rtl', width: 380 },
  ]),
  ...['rich', 'thread', 'emoji-picker', 'message-context-menu'].flatMap((name) => [
    { name, theme: 'light', lang: 'de', width: 380 },
    { name, theme: 'dark', accent: 'synthwave', width: 1280 },
    { name, theme: 'light', dir: 'rtl', width: 1280 },
    { name, theme: 'dark', dir: 'rtl', width: 380 },
  ]),
  ...['rich-end', 'pins', 'versions', 'receipts'].map((name) => ({ name, theme: 'dark', lang: 'ko', width: 800 })),
  { name: 'call-problems', theme: 'dark', lang: 'de', width: 380 },
  { name: 'settings-devices', theme: 'light', lang: 'de', width: 380 },
  ...['call-stats', 'call-stats-loss', 'before-call', 'before-problems', 'before-join', 'call-details'].flatMap(
    (name) => [
      { name, theme: 'light', lang: 'de', width: 380 },
      { name, theme: 'dark', lang: 'de', width: 1280 },
      { name, theme: 'dark', lang: 'ko', width: 800 },
      { name, theme: 'dark', accent: 'synthwave', width: 1280 },
      { name, theme: 'light', accent: 'high_contrast', width: 1280 },
      { name, theme: 'light', dir: 'rtl', width: 1280 },
      { name, theme: 'dark', width: 2560 },
    ],
  ),
  ...[
    'quality-your_upload',
    'quality-their_microphone',
    'quality-video_paused',
    'settings-voice',
    'settings-privacy',
  ].map((name) => ({ name, theme: 'dark', lang: 'de', width: 380 })),
];
