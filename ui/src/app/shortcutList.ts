import { t, type Key } from '../i18n/i18n.svelte';

export interface ShortcutGroup {
  title: string;
  /** Keys pressed together stand in one list. */
  shortcuts: { keys: string[]; label: string }[];
}

const isMac = /Mac/.test(globalThis.navigator?.platform ?? '');

/** Every shortcut of the window, for the dialog and the settings page. */
export function shortcutGroups(): ShortcutGroup[] {
  const command = isMac ? '⌘' : t('shortcuts.ctrl');
  const line = (label: Key, ...keys: string[]) => ({ keys, label: t(label) });
  return [
    {
      title: t('shortcuts.anywhere'),
      shortcuts: [
        line('shortcuts.switcher', command, 'K'),
        line('shortcuts.search', '/'),
        line('shortcuts.search_room', command, 'F'),
        line('shortcuts.search_messages', command, t('shortcuts.shift'), 'F'),
        line('shortcuts.settings', command, ','),
        line('shortcuts.help', '?'),
        line('shortcuts.close', t('shortcuts.esc')),
      ],
    },
    {
      title: t('shortcuts.in_call'),
      shortcuts: [
        line('shortcuts.mute', 'M'),
        line('shortcuts.camera', 'V'),
        line('shortcuts.talk', `${t('shortcuts.space')} (${t('shortcuts.hold')})`),
        line('shortcuts.fullscreen', 'F'),
        line('shortcuts.hang_up', t('shortcuts.shift'), 'H'),
      ],
    },
    {
      title: t('shortcuts.writing'),
      shortcuts: [
        line('shortcuts.send', t('shortcuts.enter')),
        line('shortcuts.newline', t('shortcuts.shift'), t('shortcuts.enter')),
        line('shortcuts.edit_last', '↑'),
        line('shortcuts.complete', '@', ':'),
      ],
    },
    {
      title: t('shortcuts.on_message'),
      shortcuts: [
        line('shortcuts.reply', 'R'),
        line('shortcuts.thread', 'T'),
        line('shortcuts.react', '+'),
        line('shortcuts.pin', 'P'),
        line('shortcuts.edit', 'E'),
        line('shortcuts.delete', t('shortcuts.delete_key')),
        line('shortcuts.message_menu', t('shortcuts.enter')),
      ],
    },
    {
      title: t('shortcuts.pictures'),
      shortcuts: [
        line('shortcuts.other_picture', '←', '→'),
        line('shortcuts.zoom', '+', '−'),
        line('shortcuts.fit_picture', '0'),
      ],
    },
    {
      title: t('shortcuts.lists'),
      shortcuts: [line('shortcuts.move', '↑', '↓'), line('shortcuts.open', t('shortcuts.enter'))],
    },
  ];
}
