/** How loud it is where one sits while nobody talks. */
export type Noise = 'listening' | 'quiet' | 'some' | 'loud';

/** A quiet room is 60 dB below full scale and less; from here on a fan or a street is heard. */
const SOME_DB = -52;
/** A voice comes at about -25 dB: with less than 10 dB to spare a filter takes words along. */
const LOUD_DB = -36;

/** `floorDb` is relative to full scale; null while it is being measured. */
export function noiseOf(floorDb: number | null): Noise {
  if (floorDb === null) return 'listening';
  if (floorDb >= LOUD_DB) return 'loud';
  return floorDb >= SOME_DB ? 'some' : 'quiet';
}
