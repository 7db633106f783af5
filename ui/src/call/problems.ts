import type { DeviceProblem } from '../generated/view';
import { t } from '../i18n/i18n.svelte';

/** What is wrong with a device and what to do, in one or two sentences. */
export function problemSentence({ device, code, name }: DeviceProblem): string {
  return t(`problem.${device}.${code}`, { name: name ?? t(`problem.your_${device}`) });
}
