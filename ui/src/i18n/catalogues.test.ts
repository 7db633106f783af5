import { describe, expect, it } from 'vitest';
import de from './de.json';
import en from './en.json';
import ko from './ko.json';

type Tree = { [key: string]: string | Tree };

function leaves(tree: Tree, path = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[path + key, value]] : leaves(value, `${path}${key}.`),
  );
}

/** Stem to plural forms, or the key itself to one form. */
function forms(tree: Tree): Map<string, Map<string, string>> {
  const found = new Map<string, Map<string, string>>();
  for (const [key, value] of leaves(tree)) {
    const [, stem = key, form = ''] = /^(.*)_(zero|one|two|few|many|other)$/.exec(key) ?? [];
    found.set(stem, (found.get(stem) ?? new Map<string, string>()).set(form, value));
  }
  return found;
}

const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]!).sort();

describe.each([
  ['de', de],
  ['ko', ko],
] as const)('the %s catalogue', (tag, catalogue) => {
  const english = forms(en as Tree);
  const other = forms(catalogue as Tree);

  it('has a sentence for each English one, and no other', () => {
    expect([...other.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it('has the plural forms that its language needs', () => {
    const needed = new Intl.PluralRules(tag).resolvedOptions().pluralCategories.slice().sort();
    for (const [stem, translated] of other) {
      if (english.get(stem)!.has('other')) expect([...translated.keys()].sort(), stem).toEqual(needed);
    }
  });

  it('names the same things in each sentence', () => {
    for (const [stem, translated] of other) {
      const expected = placeholders(english.get(stem)!.get('other') ?? english.get(stem)!.get('')!);
      for (const text of translated.values()) expect(placeholders(text), stem).toEqual(expected);
    }
  });
});

it('has no exclamation marks and no straight quotes in its words', () => {
  for (const [key, text] of [...leaves(en as Tree), ...leaves(de as Tree), ...leaves(ko as Tree)])
    expect(/[!"']/.test(text), `${key}: ${text}`).toBe(false);
});
