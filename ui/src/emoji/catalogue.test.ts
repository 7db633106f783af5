import { describe, expect, it } from 'vitest';
import { catalogueIn, findEmoji } from './catalogue';

describe.each([
  ['en', 'thumbs up'],
  ['de', 'daumen'],
  ['ko', '엄지'],
])('the catalogue in %s', (tag, query) => {
  it('has every emoji once, in its group', async () => {
    const catalogue = await catalogueIn(tag);
    expect(catalogue.groups).toHaveLength(9);
    expect(catalogue.groups.at(-1)!.emoji.map((emoji) => emoji.emoji)).toContain('🇰🇷');
    expect(catalogue.all.length).toBeGreaterThan(1_500);
    expect(new Set(catalogue.all.map((emoji) => emoji.emoji)).size).toBe(catalogue.all.length);
  });

  it('finds by a word of the language and by the short code', async () => {
    const catalogue = await catalogueIn(tag);
    const found = (words: string) => findEmoji(catalogue, words, 20).map((emoji) => emoji.emoji.replace('\uFE0F', ''));
    expect(found(query)).toContain('👍');
    expect(found('smile')[0]).toBe('😄');
    expect(found('')).toEqual([]);
    expect(found('zzzzqq')).toEqual([]);
  });
});

it('gives a hand all tones of skin', async () => {
  const catalogue = await catalogueIn('en');
  const wave = catalogue.all.find((emoji) => emoji.emoji === '👋')!;
  expect(wave.tones).toEqual(['👋🏻', '👋🏼', '👋🏽', '👋🏾', '👋🏿']);
  expect(wave.code).toBe('wave');
});

it('speaks English where the language has no catalogue', async () => {
  expect(await catalogueIn('eo')).toBe(await catalogueIn('en'));
});
