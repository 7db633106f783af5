import { tick } from 'svelte';

/** Puts the focus on the first field of a form that was refused. */
export async function focusWrong(form: HTMLFormElement | null): Promise<void> {
  await tick();
  form?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
}
