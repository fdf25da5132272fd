/** How the code of a failure begins that is the condition of our line or account, met only after the provider had accepted the message. */
export const OF_LINE = 'line:';

/**
 * Whether a failure is our line's, by its code or by the error text that begins with it. It is never counted as the recipient's: neither into
 * the error rate nor into the circuit breaker. The run stops, because every further send would fare the same.
 */
export function isOfLine(code: string): boolean {
  return code.startsWith(OF_LINE);
}
