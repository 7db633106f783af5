import type { BodyView, MentionView } from '../generated/view';
import { t } from '../i18n/i18n.svelte';
import { EVERYONE } from './mentions';
import { oneLine } from './richtext';

/** The name behind a mention; a person that is not known is a stroke. */
export function mentionName(mentions: readonly MentionView[]): (id: string) => string {
  return (id) =>
    id === EVERYONE ? t('mention.everyone') : (mentions.find((mention) => mention.user_id === id)?.name ?? '—');
}

/** A message in one line, without marks. */
export function bodyLine(body: BodyView): string {
  switch (body.type) {
    case 'text': {
      const line = oneLine(body.text, mentionName(body.mentions));
      return line === '' ? body.attachments.map((attachment) => attachment.name).join(', ') : line;
    }
    case 'deleted':
      return t('message.deleted');
    case 'call':
      return t('home.call');
  }
}
