import { FILE_BYTES, IMAGE_BYTES } from '../generated/limits';
import { t } from '../i18n/i18n.svelte';
import { sizeText } from './format';

/** Pictures that are shown as such; what only looks like one is sent as a file. */
export const PICTURE_TYPES = ['image/jpeg', 'image/png', 'image/webp'];

/** Why a file cannot be sent, in one sentence, or null. The bytes are looked at by the shell and by the relay. */
export function fileProblem(file: Pick<File, 'size' | 'type'>): string | null {
  if (file.size === 0) return t('files.empty');
  if (PICTURE_TYPES.includes(file.type) && file.size > IMAGE_BYTES)
    return t('files.image_too_large', { limit: sizeText(IMAGE_BYTES) });
  if (file.size > FILE_BYTES) return t('files.too_large', { limit: sizeText(FILE_BYTES) });
  return null;
}

/** The side of a picture of a person or room as it is sent; the relay makes it as small as it wants it. */
export const AVATAR_FILE_PX = 512;
/** A chosen picture of someone may be larger than one that is sent: it is cut before. In bytes. */
export const CROP_BYTES = FILE_BYTES;
