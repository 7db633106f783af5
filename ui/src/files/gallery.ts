import type { AttachmentView, MessageView } from '../generated/view';
import { imagesOf } from './mosaic';

/** A picture of a talk, and the message that it came with. */
export interface GalleryItem {
  image: AttachmentView;
  message: MessageView;
}

/** All pictures of messages, oldest first, each once. */
export function galleryOf(messages: readonly MessageView[], hidden: ReadonlySet<string>): GalleryItem[] {
  const seen = new Set<string>();
  return messages.flatMap((message) => {
    if (message.body.type !== 'text' || (message.id !== null && hidden.has(message.id))) return [];
    return imagesOf(message.body.attachments)
      .filter((image) => !seen.has(image.key) && seen.add(image.key))
      .map((image) => ({ image, message }));
  });
}
