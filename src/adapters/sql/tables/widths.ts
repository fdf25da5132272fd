// How long the texts are that are written where a column, or we, set a limit. In characters.

/** The width of names in existing databases. */
export const LONGEST_NAME = 100;
/** The width of an id of the provider or of WhatsApp, in every table. */
export const LONGEST_ID = 255;
/** The width of a line's id in wsend's own tables; the provider's have 24 characters. */
export const LONGEST_LINE = 100;
/** The longest error text: room for any provider's reason, and a limit to what one row may take. */
export const LONGEST_ERROR = 2_000;
/** The least that a column of ids must hold: the provider's have 24 characters, WhatsApp's up to 32. A longer one is cut, and kept whole in a table of our own. */
export const SHORTEST_ID = 32;
/** The least that a column of error texts must hold: how a note or a code begins, by which it is known again. */
export const SHORTEST_ERROR = 20;
