import MarkdownIt, { type MarkdownIt as Parser, type Token } from 'markdown-it';

/** A piece of a line. Drawn as elements, never as HTML, so that nothing a peer writes can become markup. */
export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'strong'; inside: Inline[] }
  | { kind: 'em'; inside: Inline[] }
  | { kind: 's'; inside: Inline[] }
  | { kind: 'code'; text: string }
  | { kind: 'link'; url: string; inside: Inline[] }
  /** `id` is a person's, or `everyone`. */
  | { kind: 'mention'; id: string };

export type Block =
  | { kind: 'paragraph'; inside: Inline[] }
  | { kind: 'code_block'; language: string; text: string }
  | { kind: 'quote'; inside: Block[] }
  | { kind: 'list'; ordered: boolean; start: number; items: Block[][] };

/** Deeper nesting is shown as it was typed. */
const INLINE_DEPTH = 6;
const BLOCK_DEPTH = 8;
const KEPT = 400;
/** A mention on the wire: `<@user-id>` or `<@everyone>`. */
const MENTION = /<@(everyone|[0-9a-z-]{1,36})>/g;

const markdown = new MarkdownIt('zero', { html: false, breaks: true, linkify: true, maxNesting: 20 })
  .enable(['emphasis', 'strikethrough', 'backticks', 'fence', 'blockquote', 'list', 'link', 'linkify', 'newline'])
  .use(boundBlocks)
  .use(mentions);
markdown.validateLink = (url) => /^(https?:\/\/|mailto:)/i.test(url);
// What is read is what was typed: an address in another script is not made to look like one that is known.
markdown.normalizeLinkText = (url) => url;
markdown.linkify.set({ fuzzyLink: false, fuzzyIP: false, fuzzyEmail: true }).add('ftp:', null).add('//', null);

/** Quotes and lists deeper than `BLOCK_DEPTH` are paragraphs: markdown-it would drop what stands in them. */
function boundBlocks(md: Parser): void {
  const ends = ['paragraph', 'reference', 'blockquote'];
  for (const [name, alt] of [
    ['blockquote', [...ends, 'list']],
    ['list', ends],
  ] as [string, string[]][]) {
    const rule = new MarkdownIt('zero').enable(name).block.ruler.getRules('')[0]!;
    md.block.ruler.at(
      name,
      (state, start, end, silent) => state.level < BLOCK_DEPTH && rule(state, start, end, silent),
      { alt },
    );
  }
}

function mentions(md: Parser): void {
  md.inline.ruler.before('backticks', 'mention', (state, silent) => {
    if (!state.src.startsWith('<@', state.pos)) return false;
    MENTION.lastIndex = state.pos;
    const match = MENTION.exec(state.src.slice(0, state.pos + 48));
    if (match === null || match.index !== state.pos) return false;
    if (!silent) state.push('mention', '', 0).content = match[1]!;
    state.pos += match[0].length;
    return true;
  });
}

const cache = new Map<string, Block[]>();

/** Emphasis, strong, struck, code, quotes, lists and addresses of the web and of mail; everything else is the text itself. */
export function parse(text: string): Block[] {
  let blocks = cache.get(text);
  if (blocks === undefined) {
    blocks = blocksOf(new Reader(markdown.parse(text, {})));
    if (cache.size >= KEPT) cache.delete(cache.keys().next().value!);
    cache.set(text, blocks);
  }
  return blocks;
}

/** The text of what has neither marks nor more than one paragraph; null for the rest. */
export function plainOf(blocks: readonly Block[]): string | null {
  const [block, more] = blocks;
  if (block?.kind !== 'paragraph' || more !== undefined) return null;
  const [piece, next] = block.inside;
  return piece?.kind === 'text' && next === undefined ? piece.text : null;
}

/** Walks a flat list of tokens. */
class Reader {
  #at = 0;
  constructor(private readonly tokens: readonly Token[]) {}

  /** The next token, or null at the end of what stands inside: the closing token is taken. */
  next(): Token | null {
    const token = this.tokens[this.#at++];
    return token === undefined || token.nesting < 0 ? null : token;
  }
}

function blocksOf(reader: Reader): Block[] {
  const blocks: Block[] = [];
  for (let token = reader.next(); token !== null; token = reader.next()) {
    if (token.type === 'paragraph_open') {
      const inline = reader.next();
      blocks.push({ kind: 'paragraph', inside: inlineOf(new Reader(inline?.children ?? []), 0) });
      reader.next();
    } else if (token.type === 'fence') {
      const language = token.info.trim().split(/\s+/)[0]!.slice(0, 24);
      blocks.push({ kind: 'code_block', language, text: token.content.replace(/\n$/, '') });
    } else if (token.type === 'blockquote_open') blocks.push({ kind: 'quote', inside: blocksOf(reader) });
    else if (token.type === 'bullet_list_open' || token.type === 'ordered_list_open')
      blocks.push({
        kind: 'list',
        ordered: token.type === 'ordered_list_open',
        start: Number(token.attrGet('start') ?? 1),
        items: itemsOf(reader),
      });
  }
  return blocks;
}

function itemsOf(reader: Reader): Block[][] {
  const items: Block[][] = [];
  while (reader.next() !== null) items.push(blocksOf(reader));
  return items;
}

function inlineOf(reader: Reader, depth: number): Inline[] {
  const pieces: Inline[] = [];
  const say = (text: string) => {
    const last = pieces.at(-1);
    if (last?.kind === 'text') last.text += text;
    else if (text !== '') pieces.push({ kind: 'text', text });
  };
  for (let token = reader.next(); token !== null; token = reader.next()) {
    if (token.type === 'softbreak' || token.type === 'hardbreak') say('\n');
    else if (token.type === 'code_inline') pieces.push({ kind: 'code', text: token.content });
    else if (token.type === 'mention') pieces.push({ kind: 'mention', id: token.content });
    else if (token.nesting === 0) say(token.content);
    else {
      const inside = inlineOf(reader, depth + 1);
      if (depth >= INLINE_DEPTH) {
        say(token.markup);
        for (const piece of inside) {
          if (piece.kind === 'text') say(piece.text);
          else pieces.push(piece);
        }
        say(token.markup);
      } else if (token.type === 'link_open')
        pieces.push({ kind: 'link', url: String(token.attrGet('href') ?? ''), inside });
      else pieces.push({ kind: MARKS[token.type] ?? 'em', inside });
    }
  }
  return pieces;
}

const MARKS: Record<string, 'strong' | 'em' | 's'> = { strong_open: 'strong', em_open: 'em', s_open: 's' };

/** A text with names in the place of mentions, for what shows no marks: code, and the clipboard. */
export function named(text: string, name: (id: string) => string): string {
  return text.replace(MENTION, (_, id: string) => `@${name(id)}`);
}

/** The text for a list: one line, without marks, made of the first `atMost` characters. */
export function oneLine(text: string, name: (id: string) => string = (id) => id, atMost = 300): string {
  const inline = (pieces: Inline[]): string =>
    pieces
      .map((piece) =>
        piece.kind === 'mention' ? `@${name(piece.id)}` : 'inside' in piece ? inline(piece.inside) : piece.text,
      )
      .join('');
  const plain = (blocks: Block[]): string =>
    blocks
      .map((block) => {
        if (block.kind === 'paragraph') return inline(block.inside);
        if (block.kind === 'code_block') return block.text;
        return block.kind === 'quote' ? plain(block.inside) : block.items.map(plain).join(' ');
      })
      .join(' ');
  return plain(parse(text.slice(0, atMost)))
    .replace(/\s+/g, ' ')
    .trim();
}

const EMOJI =
  /^(?:(?:\p{RI}\p{RI}|[0-9#*]\uFE0F?\u20E3|\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?(?:\u200D\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?)*)\s*){1,3}$/u;

/** True for up to three emoji and nothing else: they are drawn large. */
export function isEmojiOnly(text: string): boolean {
  return text.length <= 120 && EMOJI.test(text.trim());
}
