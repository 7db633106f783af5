// Rendered from the crate parley-shared (shared/src/limits.rs). Never edited by hand.

export const MESSAGE_CHARS = 4000;
export const RECEIPT_MEMBERS = 64;
export const ATTACHMENTS_PER_MESSAGE = 10;
export const FILE_BYTES = 26214400;
export const IMAGE_BYTES = 5242880;
export const IMAGE_PIXELS = 40000000;
export const STATUS_CHARS = 80;
export const BIO_CHARS = 500;
export const GUEST_DAYS = 7;
export const DISPLAY_NAME_CHARS_MIN = 2;
export const DISPLAY_NAME_CHARS_MAX = 64;
