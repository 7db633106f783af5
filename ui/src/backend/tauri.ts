import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { Command, Query, ViewEvent } from '../generated/view';
import type { Answers, Backend, FrameSocket } from './backend';

/** The real app, reached through Tauri's IPC. */
export class TauriBackend implements Backend {
  async send(command: Command): Promise<void> {
    await invoke('command', { command });
  }

  async ask<Q extends Query>(query: Q): Promise<Answers[Q['type']]> {
    return await invoke<Answers[Q['type']]>('query', { query });
  }

  async subscribe(listener: (event: ViewEvent) => void): Promise<() => void> {
    return await listen<ViewEvent>('view', (event) => listener(event.payload));
  }

  openFrames(url: string): FrameSocket {
    return new WebSocket(url) as FrameSocket;
  }

  /** The shell lets no page but its own load, and hands every other address to the system's browser. */
  openLink(url: string): void {
    window.open(url, '_blank', 'noopener,noreferrer');
  }
}
