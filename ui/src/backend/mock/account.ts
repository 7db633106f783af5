import type { HistoryUsage, ProfileView, SignedInDevice } from '../../generated/view';
import { DAY, HOUR, ME, MINUTE, NOW } from './world';

/** What the account pages of the settings show, and what their commands change. */
export class MockAccount {
  profile: ProfileView = {
    display_name: ME.display_name,
    status_text: ME.status_text,
    bio: 'Architect. Refits old houses on the water, likes long walks and short meetings.',
    email: 'mara@nordlicht.example',
    avatar: ME.avatar,
    storage_bytes: 312 * 1024 * 1024,
    storage_limit_bytes: 1024 * 1024 * 1024,
  };
  devices: SignedInDevice[] = [
    { id: 'd-1', name: 'Mara’s desk (Linux)', created_at_ms: NOW - 60 * DAY, last_used_at_ms: NOW, current: true },
    {
      id: 'd-2',
      name: 'Laptop in the site office (Windows)',
      created_at_ms: NOW - 21 * DAY,
      last_used_at_ms: NOW - 50 * MINUTE,
      current: false,
    },
    {
      id: 'd-3',
      name: 'Old MacBook',
      created_at_ms: NOW - 340 * DAY,
      last_used_at_ms: NOW - 12 * DAY - 3 * HOUR,
      current: false,
    },
  ];
  usage: HistoryUsage = { bytes: 184_300_000, messages: 41_872, oldest_at_ms: NOW - 460 * DAY };
}
