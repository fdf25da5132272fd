import { got } from 'got';
import { ACCOUNT } from './program.mjs';

/** One message by got as its manual shows it, without retries; the same JSON as wsend sends. */
export function sender(url, agent) {
  const options = { headers: { Token: ACCOUNT.token }, agent: { http: agent }, retry: { limit: 0 } };
  return (i) => {
    const json = {
      phone: `+2290${10_000_000 + i}`,
      message: `Hello number ${i}, the summer term begins on Monday at eight.`,
      device: ACCOUNT.device,
      reference: `wsend-1-${i}-0123abcd`,
    };
    return got.post(`${url}/messages`, { ...options, json }).json();
  };
}
