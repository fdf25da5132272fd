import type { ColumnType, Generated } from 'kysely';

/** A time column: written as `toStored` writes it, read with `fromStored`. */
type Time = ColumnType<unknown, string | null, string | null>;

interface Contacts {
  id: Generated<number>;
  phone_number: string | null;
  country_code: string | null;
  full_number: string;
  first_name: string | null;
  last_name: string | null;
  /** A boolean, or 0 and 1 where the database has none. */
  whatsapp_verified: boolean | number | null;
  created_at: Time;
  updated_at: Time;
}

interface Campaigns {
  id: Generated<number>;
  name: string;
  message_1: string | null;
  message_2: string | null;
  status: string;
  total_recipients: number | null;
  sent_count: number | null;
  success_count: number | null;
  failed_count: number | null;
  /** Optional in tables that others made. */
  interaction_count: Generated<number | null>;
  created_at: Time;
  updated_at: Time;
}

/** One row of `messages`. */
export interface Messages {
  id: Generated<number>;
  campaign_id: number;
  contact_id: number;
  message_type: string;
  content: string | null;
  status: string;
  whatsapp_message_id: string | null;
  error_message: string | null;
  retry_count: number | null;
  sent_at: Time;
  /** Optional in tables that others made. */
  delivered_at: Time;
  /** Optional in tables that others made. */
  read_at: Time;
  created_at: Time;
  updated_at: Time;
}

interface Interactions {
  campaign_id: number | null;
  contact_id: number | null;
  message_id: number | null;
  interaction_type: string;
  content: string | null;
  whatsapp_message_id: string | null;
  received_at: Time;
}

interface Inbox {
  id: Generated<number>;
  fact_key: string;
  kind: string;
  fact: string;
  received_at: Time;
  due_at: Time;
  tries: number;
  done_at: Time;
  result: string | null;
}

interface Leases {
  name: string;
  /** 0 where it was never held. */
  epoch: number;
  /** Whose it is; null once it was given back. */
  token: string | null;
  /** The same as JSON, with what tells whether that process is over. */
  owner: string | null;
  /** What others ask of it, and something that tells this asking from the next. */
  asked: string | null;
  expires_at: number;
  /** What it was before this epoch. */
  before_epoch: number | null;
  before_given_back: Generated<number>;
}

/** What wsend reads and writes of the operator's tables, and its own. */
export interface Schema {
  contacts: Contacts;
  category_contacts: { category_id: number; contact_id: number };
  campaigns: Campaigns;
  campaign_categories: { campaign_id: number; category_id: number };
  messages: Messages;
  /** Which campaign was made from which file and text. */
  wsend_imports: { campaign_id: number; fingerprint: string; created_at: Time };
  /** Message 2 of each contact of a campaign that was made from a file. */
  wsend_message_2: { campaign_id: number; contact_id: number; content: string };
  interactions: Interactions;
  /** Both names that the provider gave to each message. */
  wsend_provider_ids: { provider_id: string; message_id: number; recorded_as: string; line: string | null };
  /** What the provider calls contacts besides their numbers. */
  wsend_aliases: { name: string; contact_id: number };
  /** Replies that fitted no contact, by what the provider called their sender. */
  wsend_strangers: { name: string; inbox_id: number };
  /** What the provider reported. */
  wsend_inbox: Inbox;
  /** The line that each Message 2 goes out on. */
  wsend_message_2_lines: { message_id: number; line: string };
  /** Every change of the list of those who want no messages. */
  wsend_optouts: { id: Generated<number>; phone: string; is_out: number; changed_at: Time; source: string };
  /** The version of wsend's own tables, in one row. */
  wsend_schema: { version: number };
  /** Who may send, by name. Times are milliseconds of the server's clock. */
  wsend_leases: Leases;
  /** Which epoch opened what is kept under a name, its last step, and until when it is kept. */
  wsend_checkpoints: { name: string; epoch: number; step: number; kept_until: number | null };
  /** What is kept under a name, by field. */
  wsend_entries: { name: string; field: string; value: string };
  /** What wsend knows of a campaign that no column of `campaigns` can say. */
  wsend_campaigns: { campaign_id: number; identity: string; recent: string | null; cancelled_at: Time };
}
