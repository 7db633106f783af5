import { t, tOr } from '../i18n/i18n.svelte';
import { announcer } from '../state/announcer.svelte';
import { app } from '../state/app.svelte';
import { toasts } from '../state/toasts.svelte';

/** Says what the shell wants said, on the screen and to screen readers. */
export function followNotices(): () => void {
  return app.onNotice(({ kind, code, subject, instead }) => {
    const device = /^(camera|microphone|speaker)_/.exec(code)?.[1];
    const named = subject ?? (device ? tOr(`problem.your_${device}`, device) : code);
    const text = tOr(`notice.${code}`, t('notice.generic', { subject: named }), {
      subject: named,
      instead: instead ?? '',
    });
    announcer.say(text);
    toasts[kind](text);
  });
}
