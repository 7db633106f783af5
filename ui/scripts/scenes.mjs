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
  {
    name: 'composer-long',
    scene: 'room-direct',
    steps: [fill('composer', 'A long message that goes on. '.repeat(140))],
  },
  {
    name: 'details-group',
    scene: 'group-details',
    steps: [click('details-toggle'), wait('details'), (page) => page.waitForTimeout(300)],
  },
  {
    name: 'details-direct',
    scene: 'room-direct',
    steps: [click('details-toggle'), wait('details'), (page) => page.waitForTimeout(300)],
  },
  {
    name: 'delete-room',
    scene: 'group-details',
    steps: [click('details-toggle'), click('delete-room'), wait('delete-yes')],
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
];

/** Drawn beside the usual grid: other colours, languages, directions and sizes. */
const SHOWPIECES = [
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
