import { describe, expect, it } from 'vitest';
import { isEmojiOnly, named, oneLine, parse, type Block, type Inline } from './richtext';

/** All letters, in order: what a reader of plain text would see. */
const inlineLetters = (pieces: Inline[]): string =>
  pieces
    .map((piece) =>
      'inside' in piece ? inlineLetters(piece.inside) : piece.kind === 'mention' ? `<@${piece.id}>` : piece.text,
    )
    .join('');
const letters = (blocks: Block[]): string =>
  blocks
    .map((block) => {
      if (block.kind === 'paragraph') return inlineLetters(block.inside);
      if (block.kind === 'code_block') return block.text;
      return block.kind === 'quote' ? letters(block.inside) : block.items.map(letters).join('');
    })
    .join('');
const depth = (blocks: Block[]): number =>
  Math.max(
    0,
    ...blocks.map((block) => {
      if (block.kind === 'paragraph') return inlineDepth(block.inside);
      if (block.kind === 'code_block') return 0;
      return 1 + (block.kind === 'quote' ? depth(block.inside) : Math.max(0, ...block.items.map(depth)));
    }),
  );
const inlineDepth = (pieces: Inline[]): number =>
  Math.max(0, ...pieces.map((piece) => ('inside' in piece ? 1 + inlineDepth(piece.inside) : 0)));
/** The pieces of a text that is one paragraph. */
function line(text: string): Inline[] {
  const blocks = parse(text);
  expect(blocks.map((block) => block.kind)).toEqual(['paragraph']);
  return blocks[0]!.kind === 'paragraph' ? blocks[0]!.inside : [];
}
const plain = (text: string): Inline => ({ kind: 'text', text });

describe('a line', () => {
  it('is left as it was typed', () => {
    for (const text of [
      '2 * 3 * 4 and snake_case_name',
      '# no heading',
      '<b>bold</b> &amp; <script>',
      'C:\\_a',
      'a\nb',
    ])
      expect(line(text)).toEqual([plain(text)]);
  });

  it('nests strong and emphasis', () => {
    expect(line('**so _very_ bold**')).toEqual([
      { kind: 'strong', inside: [plain('so '), { kind: 'em', inside: [plain('very')] }, plain(' bold')] },
    ]);
    expect(line('~~gone~~')).toEqual([{ kind: 's', inside: [plain('gone')] }]);
  });

  it('keeps the sentence out of an address', () => {
    const link = (url: string) => ({ kind: 'link', url, inside: [plain(url)] });
    expect(line('See https://a.example/b, please')[1]).toEqual(link('https://a.example/b'));
    expect(line('(https://a.example/b)')[1]).toEqual(link('https://a.example/b'));
    expect(line('https://a.example/wiki/X_(y)')[0]).toEqual(link('https://a.example/wiki/X_(y)'));
    expect(line('[here](https://a.example)')).toEqual([
      { kind: 'link', url: 'https://a.example', inside: [plain('here')] },
    ]);
    expect(line('mara@a.example')[0]).toMatchObject({ kind: 'link', url: 'mailto:mara@a.example' });
  });

  it('links nothing but the web and mail', () => {
    for (const text of [
      'javascript:alert(1)',
      'file:///etc/passwd',
      'data:text/html,x',
      '[x](javascript:alert(1))',
      '[x](data:text/html,x)',
      '[x](//evil.example)',
      '//evil.example',
      'ftp://a.example',
      'main.rs',
      '[x](JaVaScRiPt:alert(1))',
      '[x](&#106;avascript:alert(1))',
    ])
      expect(line(text), text).toEqual([plain(text)]);
  });

  it('shows the address of another script as it will be opened', () => {
    expect(line('https://аррӏе.example')[0]).toMatchObject({ url: 'https://xn--80ak6aa92e.example' });
  });

  it('shows code without looking into it', () => {
    expect(line('`**a**`')).toEqual([{ kind: 'code', text: '**a**' }]);
    expect(parse('```rust\nlet x = **y**;\n```')).toEqual([
      { kind: 'code_block', language: 'rust', text: 'let x = **y**;' },
    ]);
    expect(parse('```\na\n')).toEqual([{ kind: 'code_block', language: '', text: 'a' }]);
  });

  it('finds mentions, in emphasis too and not in code', () => {
    expect(line('hi <@u-1>, **<@everyone>** `<@u-1>` <@> <@U 1>')).toEqual([
      plain('hi '),
      { kind: 'mention', id: 'u-1' },
      plain(', '),
      { kind: 'strong', inside: [{ kind: 'mention', id: 'everyone' }] },
      plain(' '),
      { kind: 'code', text: '<@u-1>' },
      plain(' <@> <@U 1>'),
    ]);
    expect(named('a <@u-1>b', () => 'Mara')).toBe('a @Marab');
  });
});

describe('blocks', () => {
  it('are quotes and lists', () => {
    expect(parse('> a\n> b')).toEqual([{ kind: 'quote', inside: [{ kind: 'paragraph', inside: [plain('a\nb')] }] }]);
    const item = (text: string) => [{ kind: 'paragraph', inside: [plain(text)] }];
    expect(parse('- a\n- b')).toEqual([{ kind: 'list', ordered: false, start: 1, items: [item('a'), item('b')] }]);
    expect(parse('3. a\n4. b')).toEqual([{ kind: 'list', ordered: true, start: 3, items: [item('a'), item('b')] }]);
  });
});

const HOSTILE = [
  '*'.repeat(4_000),
  '['.repeat(4_000),
  '>'.repeat(4_000),
  '`'.repeat(4_000),
  '**a'.repeat(1_300),
  '[a]('.repeat(1_000),
  '_a_'.repeat(1_300),
  '- '.repeat(2_000),
  '> - '.repeat(1_000),
  '<@'.repeat(2_000),
  '[`'.repeat(2_000),
  `${'> '.repeat(20)}a\n`.repeat(90),
  `${'**'.repeat(990)}a${'**'.repeat(990)}`,
  `${'_*'.repeat(990)}a${'*_'.repeat(990)}`,
  `https://${'('.repeat(3_900)}`,
  `https://x${'.'.repeat(3_900)}`,
  'a@'.repeat(2_000),
];

it('is quick on hostile input and nests little', () => {
  for (const text of HOSTILE) {
    const started = performance.now();
    const blocks = parse(text);
    expect(performance.now() - started, text.slice(0, 12)).toBeLessThan(500);
    expect(depth(blocks), text.slice(0, 12)).toBeLessThan(20);
  }
});

it('loses no letter but the marks', () => {
  expect(letters(parse('a **b** c `d` ~~e~~'))).toBe('a b c d e');
  for (const open of [
    '> '.repeat(60),
    '>'.repeat(60),
    '- '.repeat(60),
    '1. '.repeat(60),
    '**'.repeat(300),
    '[['.repeat(60),
  ])
    expect(letters(parse(`${open}the end`)), open.slice(0, 6)).toMatch(/the end$/);
  expect(letters(parse(`${'**'.repeat(300)}a${'**'.repeat(300)}`))).toContain('a');
});

it('makes one line of many', () => {
  expect(oneLine('first\n\n**second**   third')).toBe('first second third');
  expect(oneLine('> a\n\n- b\n- <@u-1>', () => 'Mara')).toBe('a b @Mara');
});

it('tells emoji from words', () => {
  for (const text of ['👏', '👨‍👩‍👧 ❤️', '🇰🇷', '👍🏽', '1️⃣', '🏳️‍🌈']) expect(isEmojiOnly(text), text).toBe(true);
  for (const text of ['ok 👏', '12', '', '👏👏👏👏', 'a']) expect(isEmojiOnly(text), text).toBe(false);
});
