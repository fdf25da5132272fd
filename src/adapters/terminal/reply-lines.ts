import type { ReplyCounts } from '../../core/reply-counts.ts';
import { row } from './summary.ts';
import { count } from './terminal-text.ts';

/** What came back to a campaign, a line each; nothing where nothing did. */
export function replyRows(replies: ReplyCounts | null): string[] {
  if (replies === null) return [];
  const { delivered, read, replied, reactions, noInteraction, message2 } = replies;
  const { pending, skipped, sent, failed } = message2;
  const second = [
    sent > 0 && `${count(sent)} sent`,
    pending > 0 && `${count(pending)} pending`,
    failed > 0 && `${count(failed)} failed`,
    skipped > 0 && `${count(skipped)} skipped`,
  ];
  const answered = [replied > 0 && `${count(replied)} replied`, reactions > 0 && `${count(reactions)} reacted`];
  const lines: [string, (string | false)[]][] = [
    ['delivered', [delivered > 0 && count(delivered), read > 0 && `${count(read)} of them read`]],
    ['answers', [...answered, noInteraction > 0 && `${count(noInteraction)} without a reply in 24 h`]],
    ['Message 2', second],
  ];
  return lines.flatMap(([label, parts]) => {
    const said = parts.filter((part) => part !== false);
    return said.length === 0 ? [] : [row(label, said.join(', '))];
  });
}

/** The same for `--json`; nothing where it was not counted. */
export function repliesJson(replies: ReplyCounts | null): Record<string, unknown> {
  if (replies === null) return {};
  const { delivered, read, replied, reactions, noInteraction, message2 } = replies;
  return { delivered, read, replied, reactions, no_interaction: noInteraction, message_2: message2 };
}
