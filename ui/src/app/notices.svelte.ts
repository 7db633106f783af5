import { tOr } from '../i18n/i18n.svelte';
import { announcer } from '../state/announcer.svelte';
import { app } from '../state/app.svelte';
import { toasts } from '../state/toasts.svelte';

/** Says what the shell wants said, on the screen and to screen readers. */
export function followNotices(): () => void {
  return app.onNotice(({ kind, code, subject }) => {
    const text = tOr(`notice.${code}`, tOr('notice.generic', code, { subject: subject ?? code }), { subject: subject ?? '' });
    announcer.say(text);
    toasts[kind](text);
  });
}
