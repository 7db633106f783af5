import { app } from '../state/app.svelte';

/** Keeps the document's theme, colours and density as the settings say, and follows the system where they say so. */
export function followAppearance(): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let systemIsDark = $state(dark.matches);
  $effect(() => {
    const onchange = () => (systemIsDark = dark.matches);
    dark.addEventListener('change', onchange);
    return () => dark.removeEventListener('change', onchange);
  });
  $effect(() => {
    const { theme, accent, density } = app.settings;
    const root = document.documentElement.dataset;
    root.theme = theme === 'system' ? (systemIsDark ? 'dark' : 'light') : theme;
    root.accent = accent;
    root.density = density;
  });
}
