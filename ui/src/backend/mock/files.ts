import type { AttachmentView, CommandError, DraftFile, MessageView } from '../../generated/view';
import { hashOf, PAINTINGS, paintingUrl, placeholderOf } from './paintings';

const IMAGE = /^image\/(jpeg|png|webp)$/;

/** A painting as it comes with a message. */
export function image(key: string, name: string, more: Partial<AttachmentView> = {}): AttachmentView {
  const { width, height } = PAINTINGS[key]!;
  return {
    key,
    name,
    size_bytes: Math.round((width * height) / 7),
    kind: { type: 'image', width_px: width, height_px: height, placeholder: placeholderOf(key) },
    upload: null,
    ...more,
  };
}

export function file(key: string, name: string, size_bytes: number, media_type: string): AttachmentView {
  return { key, name, size_bytes, kind: { type: 'file', media_type }, upload: null };
}

/** The files that the shell keeps: drafts, and the paintings of the world. */
export class MockFiles {
  #drafts = new Map<string, { draft: DraftFile; url: string }>();
  #next = 1;

  constructor(private readonly scene: string) {}

  async attach(chosen: File): Promise<DraftFile> {
    await new Promise((soon) => setTimeout(soon, 80));
    const key = `draft-${this.#next++}`;
    const draft: DraftFile = {
      key,
      name: chosen.name,
      size_bytes: chosen.size,
      kind: { type: 'file', media_type: chosen.type || 'application/octet-stream' },
    };
    if (IMAGE.test(chosen.type)) {
      const bitmap = await createImageBitmap(chosen).catch(() => null);
      if (bitmap !== null) {
        const canvas = document.createElement('canvas');
        const scale = Math.min(1, 64 / Math.max(bitmap.width, bitmap.height));
        canvas.width = Math.max(1, Math.round(bitmap.width * scale));
        canvas.height = Math.max(1, Math.round(bitmap.height * scale));
        canvas.getContext('2d')!.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
        draft.kind = { type: 'image', width_px: bitmap.width, height_px: bitmap.height, placeholder: hashOf(canvas) };
      }
    }
    this.#drafts.set(key, { draft, url: URL.createObjectURL(chosen) });
    return draft;
  }

  discard(key: string): void {
    this.#drafts.delete(key);
  }

  async save(): Promise<boolean> {
    await new Promise((soon) => setTimeout(soon, 400));
    if (this.scene === 'save-failed') {
      const refusal: CommandError = { code: 'offline', field: null, message: 'Away.', retry_after_s: null };
      throw refusal;
    }
    return true;
  }

  url(key: string, small: boolean): string {
    return this.#drafts.get(key)?.url ?? paintingUrl(key, small) ?? '/missing.png';
  }

  /** What a message shows of the drafts that it takes. */
  attachments(keys: readonly string[]): AttachmentView[] {
    return keys.flatMap((key) => {
      const kept = this.#drafts.get(key);
      return kept ? [{ ...kept.draft, upload: { sent_bytes: 0 } }] : [];
    });
  }
}

/** A message with its uploads `share` of the way, 0 to 1; none are under way at 1. */
export function uploaded(message: MessageView, share: number): MessageView {
  if (message.body.type !== 'text') return message;
  const attachments = message.body.attachments.map((attachment) => ({
    ...attachment,
    upload: share >= 1 ? null : { sent_bytes: Math.round(attachment.size_bytes * share) },
  }));
  return { ...message, body: { ...message.body, attachments } };
}
