import type { Texts } from '../../src/ports/renderer.ts';

/** A database whose texts can all be sent as they are. */
export const noOddTexts: Texts = {
  odd: async () => ({ odd: [], after: null }),
  fill: async () => [],
  takeBack: async () => undefined,
  ofFile: async () => false,
};
