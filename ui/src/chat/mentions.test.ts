import { describe, expect, it } from 'vitest';
import { askedAt, EVERYONE, MentionBook } from './mentions';

const NAMES: Record<string, string> = { 'u-1': 'Anna', 'u-2': 'Annabel Lee', 'u-3': 'Anna', 'u-4': 'A.B (C)' };
const name = (id: string) => NAMES[id] ?? (id === EVERYONE ? 'everyone' : null);

describe('MentionBook', () => {
  it('goes from the wire to names and back', () => {
    const book = new MentionBook();
    const wire = '<@u-1>, <@u-2>: <@u-4> <@everyone>';
    expect(book.read(wire, name)).toBe('@Anna, @Annabel Lee: @A.B (C) @everyone');
    expect(book.write('@Anna, @Annabel Lee: @A.B (C) @everyone')).toBe(wire);
  });

  it('takes the longest name and none inside a word', () => {
    const book = new MentionBook();
    book.label('u-1', 'Anna');
    expect(book.write('@Annabel and @Anna')).toBe('@Annabel and <@u-1>');
    book.label('u-2', 'Annabel Lee');
    expect(book.write('@Annabel Lee')).toBe('<@u-2>');
  });

  it('tells two of one name apart', () => {
    const book = new MentionBook();
    expect([book.label('u-1', 'Anna'), book.label('u-3', 'Anna'), book.label('u-1', 'Anna')]).toEqual([
      '@Anna',
      '@Anna 2',
      '@Anna',
    ]);
    expect(book.write('@Anna 2 @Anna')).toBe('<@u-3> <@u-1>');
  });

  it('leaves a name that nobody chose, and an id without a name', () => {
    const book = new MentionBook();
    expect(book.write('@Anna')).toBe('@Anna');
    expect(book.read('<@u-9>', name)).toBe('<@u-9>');
  });
});

describe('what is asked for', () => {
  it('is the name that is being typed', () => {
    expect(askedAt('hi @')).toEqual({ kind: 'mention', query: '', from: 3 });
    expect(askedAt('@Luc')).toEqual({ kind: 'mention', query: 'Luc', from: 0 });
    expect(askedAt('(@지수')).toEqual({ kind: 'mention', query: '지수', from: 1 });
    expect(askedAt('@Lucía F')).toEqual({ kind: 'mention', query: 'Lucía F', from: 0 });
  });

  it('is the emoji that is being typed, from its second letter on', () => {
    expect(askedAt('ok :smi')).toEqual({ kind: 'emoji', query: 'smi', from: 3 });
    expect(askedAt(':+1')).toEqual({ kind: 'emoji', query: '+1', from: 0 });
    for (const text of [':s', 'at 10:30', 'a:b', 'https://x']) expect(askedAt(text), text).toBeNull();
  });

  it('is nothing in an address or after the third word', () => {
    for (const text of ['mara@example', '@ ', 'hello', '', '@Lucía and then']) expect(askedAt(text), text).toBeNull();
  });
});
