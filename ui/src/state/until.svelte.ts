/** True as soon as `condition` holds, false when it does not within `ms`. For what a command's answer may overtake: the event that shows it. */
export function until(condition: () => boolean, ms: number): Promise<boolean> {
  if (condition()) return Promise.resolve(true);
  return new Promise((resolve) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = $effect.root(() => {
      $effect(() => {
        if (condition()) finish(true);
      });
    });
    timer = setTimeout(() => finish(false), ms);
    function finish(held: boolean) {
      clearTimeout(timer);
      resolve(held);
      queueMicrotask(() => stop());
    }
  });
}
