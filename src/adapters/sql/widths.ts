// The longest texts that are written where a column, or we, set a limit. In characters.

/** The width of names in existing databases. */
export const LONGEST_NAME = 100;
/** The width of an id of the provider or of WhatsApp, in every table. */
export const LONGEST_ID = 255;
/** The longest error text: room for any provider's reason, and a limit to what one row may take. */
export const LONGEST_ERROR = 2_000;
