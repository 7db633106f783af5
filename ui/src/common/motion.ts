/** The duration of a movement, in milliseconds; none for people who asked their system for less of it. */
export function motionMs(wanted: number): number {
  return matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : wanted;
}
