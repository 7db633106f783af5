import { oneLine } from '../chat/richtext';
import type { Preview } from '../generated/view';
import { t } from '../i18n/i18n.svelte';

/** What the last message says in one line: its text, or what its files are where it has none. */
export function previewText(preview: Extract<Preview, { type: 'text' }>): string {
  const text = oneLine(preview.text);
  if (text !== '') return text;
  if (preview.images > 0) return t('files.pictures', { count: preview.images });
  return preview.files > 0 ? t('files.files', { count: preview.files }) : '';
}
