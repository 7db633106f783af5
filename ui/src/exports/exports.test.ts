import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { app } from '../state/app.svelte';
import { start } from '../state/session.svelte';
import { toasts } from '../state/toasts.svelte';

vi.stubGlobal('location', { search: '' });
const { MockBackend } = await import('../backend/mock');
const { exports } = await import('./exports.svelte');

const told = () => toasts.list.map(({ text }) => text);

describe('an export', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    for (const { id } of toasts.list) toasts.dismiss(id);
    vi.useRealTimers();
  });

  async function begin(scene: string) {
    await start(new MockBackend(scene));
  }

  it('tells how far it is, lets no second one begin, and says when the file is whole', async () => {
    await begin('room');
    void exports.room('r-design', 'Harbour project', 'html');
    await vi.advanceTimersByTimeAsync(500);
    expect(app.export).toMatchObject({ room: 'Harbour project', total: 41_872 });
    expect(app.export!.done).toBeGreaterThan(0);
    expect(exports.busy).toBe(true);
    void exports.data();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(exports.busy).toBe(false);
    expect(told()).toEqual(['Harbour project is exported.']);
  });

  it('says that nothing was written when it is cancelled', async () => {
    await begin('room');
    void exports.data();
    await vi.advanceTimersByTimeAsync(500);
    await exports.cancel();
    await vi.advanceTimersByTimeAsync(100);
    expect([exports.busy, app.export]).toEqual([false, null]);
    expect(told()).toEqual(['Stopped. No file was written.']);
  });

  it('shows what went wrong where it was asked for, and in a toast where nobody looks', async () => {
    await begin('export-failed');
    const hide = exports.show('r-design');
    await exports.room('r-design', 'Harbour project', 'json');
    expect(exports.problemOf('r-design')).toBe(
      'The file could not be written. Check the disk, or choose another place.',
    );
    expect(exports.problemOf(null)).toBe(null);
    expect(told()).toEqual([]);
    hide();
    await exports.room('r-design', 'Harbour project', 'json');
    expect(told()).toHaveLength(1);
  });
});
