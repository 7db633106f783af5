// A person without a mouse: signs up, calls Echo, mutes, hangs up, writes, edits, deletes and takes it back. `npm run walk` (needs chromium).
// Each step waits for what must follow; the first that does not ends the run with 1.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openMock } from './browser.mjs';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
const { browser, address, stop } = await openMock();
const page = await browser.newPage({ viewport: { width: 1100, height: 760 } });
await page.addInitScript(() => Object.freeze(Object.prototype));
page.setDefaultTimeout(8_000);
const errors = [];
page.on('pageerror', (error) => errors.push(error.message));
const id = (name) => page.locator(`[data-testid=${name}]`);
const press = async (...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
const type = (text) => page.keyboard.type(text);
const focused = (name) => page.waitForFunction((wanted) => document.activeElement?.dataset.testid === wanted, name);
/** Tab until `name` has the focus; it must come within `most` presses. */
async function tabTo(name, most = 40) {
  for (let turn = 0; turn < most; turn++) {
    if (await page.evaluate((wanted) => document.activeElement?.dataset.testid === wanted, name)) return;
    await press('Tab');
  }
  throw new Error(`Tab does not reach ${name}`);
}

const steps = {
  'sign-up has the focus in its first field': async () => {
    await page.goto(`${address}?mock=sign-up`);
    await focused('auth-name');
  },
  'an empty form stays, with the focus on what is wrong': async () => {
    await press('Enter');
    await focused('auth-name');
    await page.locator('[role=alert]').first().waitFor();
  },
  'a filled form signs in': async () => {
    await type('Jo March');
    await tabTo('auth-email');
    await type('jo@example.org');
    await tabTo('auth-password');
    await type('little women');
    await press('Enter');
    await id('shell').waitFor();
  },
  'the test call is offered and starts': async () => {
    await tabTo('call-echo');
    await press('Enter');
    await page.locator('[data-testid=call][data-phase=active]').waitFor();
  },
  'the picture moves': async () => {
    await page.waitForFunction(() => Number(document.querySelector('[data-testid=remote-video]')?.dataset.frames) > 3);
  },
  'M mutes and V closes the camera': async () => {
    await page.locator('[data-testid=mute][aria-pressed=false]').waitFor();
    await press('m');
    await page.locator('[data-testid=mute][aria-pressed=true]').waitFor();
    await press('v');
    await page.locator('[data-testid=camera][aria-pressed=false]').waitFor();
    await press('m', 'v');
  },
  'the devices open with the focus in them and give it back': async () => {
    await tabTo('call-devices', 60);
    await press('Enter');
    await id('devices-popover').waitFor();
    await focused('device-microphone');
    await press('Escape');
    await focused('call-devices');
  },
  'the statistics open with the focus in them and give it back': async () => {
    await tabTo('call-stats', 60);
    await press('Enter');
    await focused('stats');
    await page.locator('[data-testid=stats] table').waitFor();
    await press('Escape');
    await focused('call-stats');
  },
  'the volume of somebody is changed by arrows': async () => {
    await tabTo('tile-volume', 80);
    await press('Enter');
    await focused('volume');
    await press('ArrowRight', 'ArrowRight');
    await page.locator('[data-testid=volume][aria-valuetext="110 %"]').waitFor();
    await press('Escape');
    await focused('tile-volume');
  },
  'F fills the window and Escape leaves it': async () => {
    await press('f');
    await page.locator('.stage.fills').waitFor();
    await press('Escape');
    await page.locator('.stage.fills').waitFor({ state: 'detached' });
  },
  'hang up is reached and ends the call': async () => {
    await tabTo('hang-up', 60);
    await press('Enter');
    await id('call').waitFor({ state: 'detached' });
  },
  'Escape and the quick switcher lead back to Echo': async () => {
    await press('Control+,');
    await id('settings').waitFor();
    await press('Escape');
    await id('settings').waitFor({ state: 'detached' });
    await press('Control+k');
    await focused('switcher-input');
    await type('ech');
    await press('Enter');
    await id('room').waitFor();
  },
  'Enter sends and Shift+Enter makes a line': async () => {
    await tabTo('composer', 60);
    await type('Hello');
    await press('Shift+Enter');
    await type('there');
    await press('Enter');
    await page.locator('[data-testid=message][data-state=stored]').waitFor();
    if ((await id('message-text').innerText()) !== 'Hello\nthere') throw new Error('the new line is lost');
  },
  'arrow up edits it': async () => {
    await press('ArrowUp');
    await page.keyboard.press('Control+a');
    await type('Hello Echo');
    await press('Enter');
    await page.getByText('Hello Echo').waitFor();
  },
  '@ completes a name, and Escape leaves what was typed': async () => {
    await type('Ask @ec');
    await id('completion-item').first().waitFor();
    await press('Enter');
    await page.waitForFunction(() => document.activeElement?.value === 'Ask @Echo ');
    await type('@');
    await id('completion').waitFor();
    await press('Escape');
    await id('completion').waitFor({ state: 'detached' });
    await press('Control+a', 'Delete');
  },
  'R answers a message and Escape stops': async () => {
    await page.keyboard.press('Shift+Tab');
    await tabTo('timeline', 60);
    await press('ArrowUp', 'r');
    await focused('composer');
    await id('replying').waitFor();
    await press('Escape');
    await id('replying').waitFor({ state: 'detached' });
  },
  '+ reacts to a message by the keyboard': async () => {
    await page.keyboard.press('Shift+Tab');
    await tabTo('timeline', 60);
    await press('ArrowUp', '+');
    await focused('emoji-search');
    await type('heart');
    await press('ArrowDown', 'ArrowRight', 'ArrowLeft', 'Enter');
    await page.locator('[data-testid=reaction][aria-pressed=true]').waitFor();
    await focused('message');
  },
  'T opens a thread, Enter answers in it, Escape leads back to the message': async () => {
    await press('t');
    await focused('thread-composer');
    await type('In the thread');
    await press('Enter');
    await page.locator('[data-testid=thread-messages]').getByText('In the thread').waitFor();
    await press('Escape');
    await id('thread').waitFor({ state: 'detached' });
    await focused('message');
    await id('thread-open').waitFor();
  },
  'the menu pins a message, and the panel gives the focus back': async () => {
    await press('Enter');
    await id('message-pin').waitFor();
    await press('p', 'Escape');
    await focused('message');
    await press('p');
    await id('pins-toggle').waitFor();
    await tabTo('pins-toggle', 80);
    await press('Enter');
    await id('pin').waitFor();
    await press('Escape');
    await id('pins').waitFor({ state: 'detached' });
    await focused('pins-toggle');
    await tabTo('composer', 60);
  },
  'Delete on a message can be taken back': async () => {
    await page.keyboard.press('Shift+Tab');
    await tabTo('timeline', 60);
    await press('ArrowUp', 'Delete');
    await id('message').waitFor({ state: 'detached' });
    await tabTo('toast-action', 80);
    await press('Enter');
    await id('message').waitFor();
  },
  'messages are found, looked at, and left by the keyboard': async () => {
    await press('Control+f');
    await focused('search-messages');
    await type('hell');
    await id('search-hit').first().waitFor();
    await press('ArrowDown');
    await focused('search-hit');
    await press('Enter', 'Escape');
    await focused('search-messages');
    await press('Escape');
    await focused('composer');
  },
  'camera and sound are checked before a call, and given up by Escape': async () => {
    await tabTo('call-more', 80);
    await press('Enter');
    await focused('call-check');
    await press('Enter');
    await focused('before-enter');
    await page.waitForFunction(() => Number(document.querySelector('[data-testid=preview]')?.dataset.frames) > 1);
    await press('Escape');
    await id('before-call').waitFor({ state: 'detached' });
  },
  'a voice switch is reached and turned off': async () => {
    await press('Control+,');
    await tabTo('voice-noise_suppression', 60);
    await press('Space');
    await page.locator('[data-testid=voice-noise_suppression]:not(:checked)').waitFor();
    await press('Escape');
    await id('settings').waitFor({ state: 'detached' });
  },
  '? shows the shortcuts and Escape gives the focus back': async () => {
    await tabTo('call-video', 80);
    await press('?');
    await id('shortcuts-dialog').waitFor();
    await press('Escape');
    await id('shortcuts-dialog').waitFor({ state: 'detached' });
    await focused('call-video');
  },
  'the account menu walks by arrows to sign out': async () => {
    await tabTo('account-menu', 80);
    await press('Enter');
    await id('sign-out').waitFor();
    await press('ArrowUp');
    await focused('sign-out');
    await press('Enter');
    await tabTo('sign-out-yes');
    await press('Enter');
    await id('auth-form').waitFor();
  },
  'someone who had an account signs in': async () => {
    await page.locator('[data-testid=auth-form][data-mode=sign_in]').waitFor();
    await focused('auth-email');
  },
  'a link lets a guest in, who is told what a guest is': async () => {
    await tabTo('auth-guest');
    await press('Enter');
    await focused('guest-link');
    await type('https://relay.nordlicht.example/invite/Zk3vQpX9');
    await id('guest-name').waitFor();
    await tabTo('guest-name');
    await press('Enter');
    await page.locator('[data-testid=guest-name][aria-invalid=true]').waitFor();
    await focused('guest-name');
    await type('Jonas');
    await press('Enter');
    await id('room').waitFor();
    await press('Control+,');
    await id('settings').waitFor();
    await page.locator('[role=tab][aria-selected=true]').focus();
    for (let turn = 0; turn < 6 && (await id('guest-card').count()) === 0; turn++) await press('ArrowDown');
    await id('guest-card').waitFor();
  },
  'an invite is made and revoked, and the focus stays': async () => {
    await page.goto(`${address}?mock=group-details`);
    await id('message').first().waitFor();
    await tabTo('details-toggle', 80);
    await press('Enter');
    await tabTo('invite-make', 80);
    await press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('[data-testid=invite]').length === 4);
    await focused('invite-make');
    await tabTo('invite-revoke', 4);
    await press('Enter');
    await id('invite-revoke-dialog').waitFor();
    await tabTo('invite-revoke-yes', 4);
    await press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('[data-testid=invite]').length === 3);
    await focused('invites');
  },
  'guests are turned off only when one means it': async () => {
    await tabTo('room-guests', 20);
    await press('Space');
    await id('guests-off').waitFor();
    await press('Escape');
    await page.locator('[data-testid=room-guests]:checked').waitFor();
    await focused('room-guests');
    await press('Space');
    await tabTo('guests-off-yes', 4);
    await press('Enter');
    await page.locator('[data-testid=room-guests]:not(:checked)').waitFor();
  },
  'an export is begun and cancelled': async () => {
    await tabTo('export-html', 20);
    await press('Enter');
    await id('export').waitFor();
    await page.locator('[data-testid=export-cancel]').focus();
    await press('Enter');
    await id('export').waitFor({ state: 'detached' });
    await focused('composer');
  },
  'rest is two presses away, and so is its end': async () => {
    await tabTo('account-menu', 80);
    await press('Enter', 'ArrowDown');
    await focused('dnd-hour');
    await press('Enter');
    await id('quiet').waitFor();
    await focused('account-menu');
    await press('Enter', 'ArrowDown');
    await focused('dnd-off');
    await press('Enter');
    await id('quiet').waitFor({ state: 'detached' });
  },
  'a password that is not right deletes no account, and the right one does': async () => {
    await press('Control+,');
    await page.locator('[role=tab][aria-selected=true]').focus();
    for (let turn = 0; turn < 9 && (await id('account-delete').count()) === 0; turn++) await press('ArrowDown');
    await tabTo('account-delete', 20);
    await press('Enter');
    await focused('delete-account-password');
    await type('wrong-password');
    await press('Enter');
    await page.locator('[data-testid=delete-account-password][aria-invalid=true]').waitFor();
    await press('Control+a');
    await type('correct horse');
    await press('Enter');
    await id('auth-form').waitFor();
    await page.getByText('Your account is deleted').waitFor();
  },
};

let failed = 0;
for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    console.log(`ok    ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}: ${error.message.split('\n')[0]}`);
    const where = await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 160));
    console.log(`      the focus is on ${where}`);
    break;
  }
}
for (const error of errors) console.log(`page error: ${error}`);
await stop();
process.exitCode = failed + errors.length > 0 ? 1 : 0;
