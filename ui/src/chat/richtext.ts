/** A piece of a message. Drawn as elements, never as HTML, so that nothing a peer writes can become markup. */
export type Piece =
  | { kind: 'text'; text: string }
  | { kind: 'bold'; pieces: Piece[] }
  | { kind: 'italic'; pieces: Piece[] }
  | { kind: 'strike'; pieces: Piece[] }
  | { kind: 'code'; text: string }
  | { kind: 'block'; text: string }
  | { kind: 'link'; text: string; url: string };

/** Deeper nesting is shown as it was typed. */
const DEPTH = 4;
const INLINE =
  /`([^`\n]+)`|\*\*(?=\S)([^\n]+?)(?<=\S)\*\*|~~(?=\S)([^\n]+?)(?<=\S)~~|(?<![\p{L}\p{N}*])\*(?=[^\s*])([^*\n]+?)(?<=\S)\*(?![\p{L}\p{N}*])|(?<![\p{L}\p{N}_])_(?=[^\s_])([^_\n]+?)(?<=\S)_(?![\p{L}\p{N}_])|(https?:\/\/[^\s<>"'`]+)/u;

/** Bold, italic, struck, code, fenced code and web addresses; everything else is the text itself. */
export function parse(text: string): Piece[] {
  return text
    .split(/```(?:[\w+-]*\n)?([\s\S]+?)```/)
    .flatMap((part, index): Piece[] =>
      index % 2 === 1 ? [{ kind: 'block', text: part.replace(/\n$/, '') }] : part === '' ? [] : inline(part, 0),
    );
}

function inline(text: string, depth: number): Piece[] {
  const pieces: Piece[] = [];
  let rest = text;
  while (rest !== '') {
    const match = depth < DEPTH ? INLINE.exec(rest) : null;
    if (match === null) break;
    if (match.index > 0) pieces.push({ kind: 'text', text: rest.slice(0, match.index) });
    const [whole, code, bold, strike, star, underscore, address] = match;
    let taken = whole.length;
    if (code !== undefined) pieces.push({ kind: 'code', text: code });
    else if (bold !== undefined) pieces.push({ kind: 'bold', pieces: inline(bold, depth + 1) });
    else if (strike !== undefined) pieces.push({ kind: 'strike', pieces: inline(strike, depth + 1) });
    else if (address !== undefined) {
      const url = trimAddress(address);
      taken = url.length;
      pieces.push({ kind: 'link', text: url, url });
    } else pieces.push({ kind: 'italic', pieces: inline(star ?? underscore ?? '', depth + 1) });
    rest = rest.slice(match.index + taken);
  }
  if (rest !== '') pieces.push({ kind: 'text', text: rest });
  return pieces;
}

/** Punctuation at the end belongs to the sentence; a closing bracket to the address only if it was opened there. */
function trimAddress(address: string): string {
  let url = address;
  for (;;) {
    const last = url.at(-1)!;
    const unopened = last === ')' && !url.includes('(');
    if (!unopened && !/[.,;:!?*_~\]]/.test(last)) return url;
    url = url.slice(0, -1);
  }
}

/** The text for a list: one line, without marks. */
export function oneLine(text: string): string {
  const plain = (pieces: Piece[]): string =>
    pieces.map((piece) => ('pieces' in piece ? plain(piece.pieces) : piece.text)).join('');
  return plain(parse(text.slice(0, 300)))
    .replace(/\s+/g, ' ')
    .trim();
}

/** True for up to three emoji and nothing else: they are drawn large. */
export function isEmojiOnly(text: string): boolean {
  return /^(?:\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?(?:\u200D\p{Extended_Pictographic}\uFE0F?)*\s*){1,3}$/u.test(
    text.trim(),
  );
}
