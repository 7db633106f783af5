import File from '@lucide/svelte/icons/file';
import FileArchive from '@lucide/svelte/icons/file-archive';
import FileCode from '@lucide/svelte/icons/file-code';
import FileImage from '@lucide/svelte/icons/file-image';
import FileMusic from '@lucide/svelte/icons/file-music';
import FilePlay from '@lucide/svelte/icons/file-play';
import FileSpreadsheet from '@lucide/svelte/icons/file-spreadsheet';
import FileText from '@lucide/svelte/icons/file-text';
import type { AttachmentKind } from '../generated/view';
import { language } from '../i18n/i18n.svelte';

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;

/** `2.4 MB`, as the language writes it; units are powers of 1024, as the limits are. */
export function sizeText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const value = bytes / 1024 ** power;
  return new Intl.NumberFormat(language(), {
    style: 'unit',
    unit: UNITS[power]!,
    unitDisplay: power === 0 ? 'long' : 'short',
    maximumFractionDigits: power === 0 || value >= 100 ? 0 : 1,
  }).format(value);
}

/** The icon that goes with what a file is, by its content where that is known and by its name else. */
export function iconOf(kind: AttachmentKind, name: string): typeof File {
  if (kind.type === 'image') return FileImage;
  const type = kind.media_type;
  const ending = /\.(\w{1,8})$/.exec(name)?.[1]?.toLowerCase() ?? '';
  if (type.startsWith('image/')) return FileImage;
  if (type.startsWith('audio/') || /^(mp3|flac|wav|ogg|m4a|opus)$/.test(ending)) return FileMusic;
  if (type.startsWith('video/') || /^(mp4|mkv|webm|mov|avi)$/.test(ending)) return FilePlay;
  if (/zip|compressed|tar/.test(type) || /^(zip|gz|xz|zst|7z|rar|tar|bz2)$/.test(ending)) return FileArchive;
  if (/^(xlsx?|ods|csv|tsv|numbers)$/.test(ending)) return FileSpreadsheet;
  if (/^(rs|ts|js|py|c|h|cpp|go|java|json|toml|yaml|yml|html|css|sh|sql|svelte)$/.test(ending)) return FileCode;
  if (type === 'application/pdf' || type.startsWith('text/') || /^(pdf|docx?|odt|md|txt|rtf|pages)$/.test(ending))
    return FileText;
  return File;
}

/** A name in two parts, so that the end stays to be seen where the middle is cut. */
export function nameParts(name: string): [head: string, tail: string] {
  const characters = [...name];
  const cut = characters.length <= 12 ? characters.length : characters.length - 8;
  return [characters.slice(0, cut).join(''), characters.slice(cut).join('')];
}

/** `42 %`, as the language writes it. */
export function percentText(share: number): string {
  return new Intl.NumberFormat(language(), { style: 'percent' }).format(Math.min(1, Math.max(0, share)));
}
