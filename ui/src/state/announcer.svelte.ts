/** What screen readers are told: the newest sentence of each urgency. */
class Announcer {
  polite = $state('');
  assertive = $state('');

  /** Waits its turn. */
  say(text: string): void {
    this.polite = text;
  }

  /** Interrupts. */
  interrupt(text: string): void {
    this.assertive = text;
  }
}

export const announcer = new Announcer();
