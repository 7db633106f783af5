import { afterEach, describe, expect, it } from 'vitest';
import type { AttachmentView, CommandError, DraftFile, MessageView } from '../generated/view';
import { setLanguage } from '../i18n/i18n.svelte';
import { cropOf, firstView, movedBy } from './crop';
import { Drafts, filesOf, keysOf } from './drafts.svelte';
import { iconOf, nameParts, sizeText } from './format';
import { galleryOf } from './gallery';
import { fileProblem } from './limits';
import { aloneSize, heightOf, MOSAIC_PX, tilesOf } from './mosaic';
import { fitScale, held, zoomAt } from './zoom';

afterEach(() => setLanguage('en'));

const picture = (key: string, width_px = 1600, height_px = 1200): AttachmentView => ({
  key,
  name: `${key}.jpg`,
  size_bytes: 10,
  kind: { type: 'image', width_px, height_px, placeholder: '' },
  upload: null,
});
const paper: AttachmentView = {
  key: 'f',
  name: 'f.pdf',
  size_bytes: 10,
  kind: { type: 'file', media_type: 'application/pdf' },
  upload: null,
};

describe('words for files', () => {
  it('say sizes as people and languages do', () => {
    expect([sizeText(512), sizeText(1536), sizeText(25 * 1024 * 1024)]).toEqual(['512 bytes', '1.5 kB', '25 MB']);
    setLanguage('de');
    expect(sizeText(2_411_724)).toBe('2,3 MB');
  });

  it('refuse what the relay refuses, before it is sent', () => {
    const of = (type: string, size: number) => fileProblem({ type, size } as File);
    expect(of('image/jpeg', 6 * 1024 * 1024)).toContain('5 MB');
    expect(of('application/zip', 26 * 1024 * 1024)).toContain('25 MB');
    expect(of('application/zip', 25 * 1024 * 1024)).toBe(null);
    expect(of('text/plain', 0)).toBe('This file is empty.');
  });

  it('keep the end of a long name, and split no character', () => {
    expect(nameParts('Permit for the front.pdf').join('')).toBe('Permit for the front.pdf');
    expect(nameParts('Permit for the front.pdf')[1]).toBe('ront.pdf');
    expect(nameParts(`${'👩'.repeat(20)}.txt`).join('')).toBe(`${'👩'.repeat(20)}.txt`);
    expect(iconOf(paper.kind, 'x.bin')).not.toBe(
      iconOf({ type: 'file', media_type: 'application/octet-stream' }, 'x.bin'),
    );
  });
});

describe('Drafts', () => {
  const draft = (file: File): DraftFile => ({
    key: `draft-${file.name}`,
    name: file.name,
    size_bytes: file.size,
    kind: { type: 'file', media_type: file.type },
  });
  const nobody = () => undefined;
  const file = (name: string, bytes = 3) => new File(['x'.repeat(bytes)], name, { type: 'text/plain' });

  it('gives the keys of what could be added, and leaves what could not behind', async () => {
    const refused: CommandError = { code: 'too_large', message: 'x', field: 'file', retry_after_s: null };
    const drafts = new Drafts(async (chosen) => {
      if (chosen.name === 'b') throw refused;
      return draft(chosen);
    }, nobody);
    await drafts.add([file('a'), file('b'), file('empty', 0)]);
    expect(drafts.list.map((entry) => entry.state)).toEqual(['ready', 'failed', 'failed']);
    expect(keysOf(drafts.take())).toEqual(['draft-a']);
    expect(drafts.list).toEqual([]);
  });

  it('takes ten at most and says so', async () => {
    const drafts = new Drafts(async (chosen) => draft(chosen), nobody);
    await drafts.add(Array.from({ length: 12 }, (_, index) => file(`f${index}`)));
    expect(drafts.ready.length).toBe(10);
    expect(drafts.problem).toContain('10 files');
  });

  it('forgets a file that was removed while it was added', async () => {
    let done: (file: DraftFile) => void = () => undefined;
    const discarded: string[] = [];
    const drafts = new Drafts(
      () => new Promise((resolve) => (done = resolve)),
      (key) => discarded.push(key),
    );
    const adding = drafts.add([file('a')]);
    expect(drafts.adding).toBe(true);
    drafts.remove(drafts.list[0]!.id);
    done(draft(file('a')));
    await adding;
    expect(drafts.list).toEqual([]);
    expect(discarded).toEqual(['draft-a']);
  });

  it('puts back what could not be sent', async () => {
    const drafts = new Drafts(async (chosen) => draft(chosen), nobody);
    await drafts.add([file('a')]);
    const taken = drafts.take();
    drafts.giveBack(taken);
    expect(keysOf(drafts.take())).toEqual(['draft-a']);
  });

  it('leaves folders out', () => {
    const folder = { size: 0, type: '' } as File;
    expect(filesOf({ files: [folder, file('a')] } as unknown as DataTransfer).length).toBe(1);
  });
});

describe('the mosaic', () => {
  it('has no hole, whatever the number', () => {
    for (let count = 1; count <= 10; count++) {
      const spans = tilesOf(count).map((tile) => tile.span);
      let used = 0;
      for (const span of spans) {
        used += span;
        expect(used % 6 === 0 || (used % 6) + span <= 6).toBe(true);
      }
      expect(used % 6, `${count} pictures`).toBe(0);
    }
  });

  it('knows its height before anything is loaded', () => {
    expect(aloneSize(1600, 1200)).toEqual({ width: MOSAIC_PX, height: 285 });
    expect(aloneSize(10, 10)).toEqual({ width: 96, height: 96 });
    expect(heightOf([picture('a')])).toBe(285);
    expect(heightOf([picture('a'), picture('b')])).toBe(MOSAIC_PX / 2 + 4);
    expect(heightOf([paper, paper])).toBe(132);
  });
});

describe('the viewer', () => {
  it('keeps under the pointer what is under it', () => {
    const view = { scale: 1, x: 10, y: -4 };
    const point = { x: 50, y: 20 };
    const grown = zoomAt(view, 2, point, 0.1, 8);
    const at = (of: typeof view) => ({ x: (point.x - of.x) / of.scale, y: (point.y - of.y) / of.scale });
    expect(at(grown)).toEqual(at(view));
    expect(zoomAt(view, 100, point, 0.1, 8).scale).toBe(8);
  });

  it('shows a picture whole, never larger than it is, and never lets it go', () => {
    const frame = { width: 1000, height: 500 };
    expect(fitScale({ width: 2000, height: 2000 }, frame)).toBe(0.25);
    expect(fitScale({ width: 20, height: 20 }, frame)).toBe(1);
    expect(fitScale({ width: 0, height: 5 }, frame)).toBe(1);
    expect(held({ scale: 1, x: 5000, y: 40 }, { width: 1400, height: 200 }, frame)).toEqual({ scale: 1, x: 200, y: 0 });
  });

  it('walks through the pictures of a room, each once, without what is being deleted', () => {
    const message = (id: string, attachments: AttachmentView[]) =>
      ({ id, body: { type: 'text', text: '', mentions: [], attachments } }) as unknown as MessageView;
    const messages = [
      message('1', [picture('a'), paper]),
      message('2', [picture('a'), picture('b')]),
      message('3', [picture('c')]),
      { id: '4', body: { type: 'deleted' } } as MessageView,
    ];
    expect(galleryOf(messages, new Set(['3'])).map((item) => item.image.key)).toEqual(['a', 'b']);
  });
});

describe('cropping', () => {
  it('begins with the middle square, and stays inside of the picture', () => {
    const photo = { width: 1200, height: 600 };
    const view = firstView(photo, 300);
    expect(cropOf(view, photo, 300)).toEqual({ x: 300, y: 0, side: 600 });
    const moved = movedBy(view, -10_000, 50, photo, 300);
    expect(cropOf(moved, photo, 300)).toEqual({ x: 600, y: 0, side: 600 });
  });
});
