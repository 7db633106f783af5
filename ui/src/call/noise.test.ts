import { expect, it } from 'vitest';
import { noiseOf } from './noise';

it('tells a quiet room from a street and a street from a building site', () => {
  expect([null, -90, -60, -50, -40, -30, 0].map(noiseOf)).toEqual([
    'listening',
    'quiet',
    'quiet',
    'some',
    'some',
    'loud',
    'loud',
  ]);
});
