// Preloaded into wsend with `--import`: notes when each POST was handed to its connection, and writes the moments to the file STAMPS names.
import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';

const starts = [];
subscribe('http.client.request.start', ({ request }) => {
  if (request.method === 'POST') starts.push(performance.timeOrigin + performance.now());
});
process.on('exit', () => writeFileSync(process.env.STAMPS, JSON.stringify(starts)));
