import { convertFileSrc, invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import { language } from '../i18n/i18n.svelte';
import type { Command, DraftFile, ExportFormat, Query, ViewEvent } from '../generated/view';
import type { Answers, Backend, FileVariant, FrameSocket, OpenRequest, SystemNotification } from './backend';

/** Half a character, which a file's name may have and an address may not. */
const LONE_SURROGATE = /[\uD800-\uDFFF]/gu;

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

  /** The bytes go as they are: as JSON they would take four times the room. A header holds ASCII alone, hence the encoded name. */
  async attach(file: File): Promise<DraftFile> {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const name = encodeURIComponent(file.name.replace(LONE_SURROGATE, '\uFFFD'));
    return await invoke<DraftFile>('attach', bytes, { headers: { 'x-file-name': name } });
  }

  async saveFile(key: string, name: string): Promise<boolean> {
    return await invoke<boolean>('save_file', { key, name });
  }

  /** The shell answers `parley-file://localhost/KEY`, and `/KEY/thumbnail`. */
  fileUrl(key: string, variant: FileVariant): string {
    const address = convertFileSrc(key, 'parley-file');
    return variant === 'thumbnail' ? `${address}/thumbnail` : address;
  }

  async notify(notification: SystemNotification): Promise<void> {
    await invoke('notify', { notification });
  }

  async notificationsAvailable(): Promise<boolean> {
    return await invoke<boolean>('notifications_available');
  }

  async onOpenRoom(listener: (request: OpenRequest) => void): Promise<() => void> {
    return await listen<OpenRequest>('open-room', (event) => listener(event.payload));
  }

  async exportRoom(roomId: string, format: ExportFormat): Promise<boolean> {
    return await invoke<boolean>('export_room', { roomId, format, language: language() });
  }

  async exportData(): Promise<boolean> {
    return await invoke<boolean>('export_data');
  }

  async messagesShown(): Promise<void> {
    await invoke('messages_shown');
  }

  /** The shell lets no page but its own load, and hands every other address to the system's browser. */
  openLink(url: string): void {
    window.open(url, '_blank', 'noopener,noreferrer');
  }
}
