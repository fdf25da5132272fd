import type { EpochMs } from '../core/units.ts';

/** Which messages to list, newest first: `size` of them from page `page` (from 0), younger than `after` and no younger than `until`. */
export interface Filter {
  reference?: string | undefined;
  phone?: string | undefined;
  device?: string | undefined;
  ids?: string[];
  after?: EpochMs;
  until: EpochMs;
  size: number;
  page: number;
}

/** A message that the sandbox has taken. */
export interface TakenMessage {
  /** 24 hex digits, as the real API gives. */
  id: string;
  /** The id on WhatsApp's side. */
  waId: string;
  reference: string;
  /** E.164. */
  phone: string;
  device: string;
  content: string;
  at: EpochMs;
  /** True when it will be reported as failed. */
  fails: boolean;
}
