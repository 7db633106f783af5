import { describe, expect, it } from 'vitest';
import { isEmojiOnly, oneLine, parse, type Piece } from './richtext';

/** All letters of the pieces, in order: what a reader of plain text would see. */
const letters = (pieces: Piece[]): string =>
  pieces.map((piece) => ('pieces' in piece ? letters(piece.pieces) : piece.text)).join('');

describe('parse', () => {
  it('leaves plain text as it is', () => {
    expect(parse('2 * 3 * 4 and snake_case_name')).toEqual([{ kind: 'text', text: '2 * 3 * 4 and snake_case_name' }]);
  });

  it('nests bold and italic', () => {
    expect(parse('**so _very_ bold**')).toEqual([
      {
        kind: 'bold',
        pieces: [
          { kind: 'text', text: 'so ' },
          { kind: 'italic', pieces: [{ kind: 'text', text: 'very' }] },
          { kind: 'text', text: ' bold' },
        ],
      },
    ]);
  });

  it('keeps the sentence out of an address', () => {
    expect(parse('See https://a.example/b, please')[1]).toEqual({
      kind: 'link',
      text: 'https://a.example/b',
      url: 'https://a.example/b',
    });
    expect(parse('(https://a.example/b)')[1]).toEqual({
      kind: 'link',
      text: 'https://a.example/b',
      url: 'https://a.example/b',
    });
    expect(parse('https://a.example/wiki/X_(y)')[0]).toEqual({
      kind: 'link',
      text: 'https://a.example/wiki/X_(y)',
      url: 'https://a.example/wiki/X_(y)',
    });
  });

  it('links nothing but web addresses', () => {
    for (const text of ['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', '[x](javascript:alert(1))']) {
      expect(
        parse(text).every((piece) => piece.kind === 'text'),
        text,
      ).toBe(true);
    }
  });

  it('shows code without looking into it', () => {
    expect(parse('`**a**`')).toEqual([{ kind: 'code', text: '**a**' }]);
    expect(parse('```rust\nlet x = **y**;\n```')).toEqual([{ kind: 'block', text: 'let x = **y**;' }]);
  });

  it('is quick on hostile input', () => {
    for (const text of [
      '*'.repeat(4_000),
      '**a'.repeat(1_300),
      '`'.repeat(4_000),
      '_a_'.repeat(1_300),
      `https://${'('.repeat(3_900)}`,
      `https://x${'.'.repeat(3_900)}`,
    ]) {
      const started = performance.now();
      parse(text);
      expect(performance.now() - started, text.slice(0, 12)).toBeLessThan(500);
    }
  });

  it('loses no letter but the marks', () => {
    expect(letters(parse('a **b** c `d` ~~e~~'))).toBe('a b c d e');
  });
});

it('makes one line of many', () => {
  expect(oneLine('first\n\n**second**   third')).toBe('first second third');
});

it('tells emoji from words', () => {
  expect(isEmojiOnly('👏')).toBe(true);
  expect(isEmojiOnly('👨‍👩‍👧 ❤️')).toBe(true);
  expect(isEmojiOnly('ok 👏')).toBe(false);
  expect(isEmojiOnly('12')).toBe(false);
});
