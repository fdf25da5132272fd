import { Chalk } from 'chalk';

/** The few colours that mean something. */
export interface Paint {
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  dim(text: string): string;
  strong(text: string): string;
}

/** Colours, or none at all: with `color` false every text comes back as it was. */
export function makePaint(color: boolean): Paint {
  const chalk = new Chalk({ level: color ? 1 : 0 });
  return { good: chalk.green, bad: chalk.red, warn: chalk.yellow, dim: chalk.dim, strong: chalk.bold };
}

/** No colour. */
export const PLAIN: Paint = makePaint(false);
