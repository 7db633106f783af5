const KNOWN = 'parley.has-account';

/** Whether somebody has signed in on this device before: then signing in is what is offered first. */
export function knowsAccount(): boolean {
  return localStorage.getItem(KNOWN) !== null;
}

export function rememberAccount(): void {
  localStorage.setItem(KNOWN, 'yes');
}

export function forgetAccount(): void {
  localStorage.removeItem(KNOWN);
}
