import { Command, CommanderError, Option } from 'commander';
import { EXIT, knownError, UsageError } from './errors.ts';
import type { Flags } from './flags.ts';
import { refuseRepeats } from './given-once.ts';
import type { Outside } from './outside.ts';

declare const WSEND_VERSION: string;

/** Reads the command line, runs one command, shows what went wrong; resolves to the exit code. A command's code is loaded when it is called. */
export async function run(argv: string[], outside: Outside): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = makeProgram(outside, async (flags, command) => {
    const { openWorld } = await import('./world.ts');
    const world = openWorld(flags, outside);
    outside.onBug((bug) => {
      void showError(bug, argv, outside).then(() => world.leave(EXIT.bug));
    });
    try {
      exitCode = await command(world);
    } finally {
      await world.close();
    }
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    return showError(error instanceof CommanderError ? toUsageError(error, argv) : error, argv, outside);
  }
}

type Act = (flags: Flags, command: (world: import('./world.ts').World) => Promise<number>) => Promise<void>;

const EXAMPLES = `
First steps:
  wsend estimate --count 1000
  wsend run --csv people.csv --message 'Hello {{first_name}}' --sandbox
  wsend run --campaign 42
  wsend resume 42

Exit codes: 0 all done, 1 bug or infrastructure lost, 2 wrong use (nothing was
sent), 3 some failed or in doubt, 4 line barred, 5 circuit breaker open,
6 paused, 7 held by another run, 129/130/143 interrupted.
After 5, 6, 129, 130 and 143: wsend resume <id>.`;

const PHONE_COLUMN = ['--phone-column <name>', 'the column that holds the numbers, where its name does not tell'] as const;

function makeProgram(outside: Outside, act: Act): Command {
  const program = new Command('wsend')
    .description('Sends a WhatsApp campaign to a list of people, as fast as is safe: nobody twice, nobody forgotten.')
    .version(WSEND_VERSION, '--version', 'print the version')
    .helpOption('--help', 'print help')
    .option('--json', 'one JSON object per line on stdout')
    .option('--quiet', 'only warnings, pauses and one line at the end')
    .option('--no-color', 'no colours')
    .option('--env-file <path>', 'read settings from this file instead of .env')
    .addOption(new Option('--debug', 'show stacks').hideHelp())
    .addHelpText('after', EXAMPLES)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: outside.stdout.write,
      writeErr: () => undefined,
      getErrHelpWidth: outside.stderr.columns,
      getOutHelpWidth: outside.stdout.columns,
    })
    .exitOverride();

  sending(
    program.command('run').description('send a campaign from the database or from a CSV file; a started one is resumed, never begun twice'),
  )
    .option('--campaign <id>', 'a campaign of the database')
    .option('--csv <file>', 'a file of people: a phone column, every other column a template variable')
    .option('--message <text|@file>', 'Message 1, a Liquid template')
    .option('--message-2 <text|@file>', 'Message 2, kept for those who reply within 24 h')
    .option('--name <name>', 'name of the campaign (default: the file)')
    .option('--country <code>', 'country of numbers without a country code, such as BJ')
    .option(...PHONE_COLUMN)
    .option('--skip-invalid', 'leave out rows that cannot be sent, and send to the others')
    .option('--again', 'send although the same file, or a person in it, had the same text lately')
    .option('--skip-recent', 'leave out who had the same text lately (a campaign of the database)')
    .action((_flags, command) => {
      const flags = command.optsWithGlobals();
      return act(flags, async (world) => (await import('./commands/run.ts')).run(world, flags));
    });

  sending(program.command('resume').description('go on with an interrupted or paused campaign'))
    .argument('[id]', 'number of the campaign')
    .option('--all', 'every campaign that was interrupted')
    .option('--skip-recent', 'leave out who had the same text lately')
    .action((id, _flags, command) => {
      const flags = command.optsWithGlobals();
      return act(flags, async (world) => (await import('./commands/resume.ts')).resume(world, { ...flags, id }));
    });

  sending(program.command('retry').description('failed recipients become pending and are sent again'))
    .argument('<id>', 'number of the campaign')
    .action((id, _flags, command) => {
      const flags = command.optsWithGlobals();
      return act(flags, async (world) => (await import('./commands/retry.ts')).retry(world, { ...flags, id }));
    });

  paced(program.command('estimate').description('how long a campaign takes'))
    .option('--count <n>', 'for this many recipients')
    .option('--campaign <id>', 'for the pending recipients of a campaign')
    .option('--csv <file>', 'for the people in a file')
    .option('--country <code>', 'country of numbers without a country code, such as BJ')
    .option(...PHONE_COLUMN)
    .action((flags, command) =>
      act(command.optsWithGlobals(), async (world) => (await import('./commands/estimate.ts')).estimate(world, flags)),
    );

  program
    .command('status')
    .description('all campaigns, or one in detail')
    .argument('[id]', 'number of the campaign')
    .option('--sandbox', 'a campaign that is rehearsed')
    .action((id, _flags, command) =>
      act(command.optsWithGlobals(), async (world) => (await import('./commands/status.ts')).status(world, { id })),
    );

  program
    .command('report')
    .description('what became of each recipient, as CSV')
    .argument('<id>', 'number of the campaign')
    .option('--sandbox', 'a campaign that is rehearsed')
    .action((id, _flags, command) =>
      act(command.optsWithGlobals(), async (world) => (await import('./commands/report.ts')).report(world, { id })),
    );

  program
    .command('pause')
    .description('stop a running campaign, from any terminal or machine')
    .argument('<id>', 'number of the campaign')
    .option('--sandbox', 'a campaign that is rehearsed')
    .action((id, _flags, command) =>
      act(command.optsWithGlobals(), async (world) => (await import('./commands/pause.ts')).pause(world, { id })),
    );

  program
    .command('cancel')
    .description('end a draft or paused campaign for good: who was not sent to stays so')
    .argument('<id>', 'number of the campaign')
    .option('--sandbox', 'a campaign that is rehearsed')
    .action((id, _flags, command) =>
      act(command.optsWithGlobals(), async (world) => (await import('./commands/cancel.ts')).cancel(world, { id })),
    );

  program
    .command('reconcile')
    .description('settle what is in doubt by asking the provider')
    .argument('<id>', 'number of the campaign')
    .option('--assume <sent|absent>', 'settle what the provider cannot tell by your word')
    .option('--yes', 'do not ask before assuming')
    .option('--sandbox', 'a campaign that is rehearsed')
    .action((id, flags, command) =>
      act(command.optsWithGlobals(), async (world) => (await import('./commands/reconcile.ts')).reconcile(world, { id, ...flags })),
    );

  program
    .command('verify')
    .description('compare what is recorded with what the provider lists; changes nothing')
    .argument('<id>', 'number of the campaign')
    .option('--rate <n>', 'look-ups per second (default 5)')
    .option('--sandbox', 'a campaign that is rehearsed')
    .action((id, flags, command) =>
      act(command.optsWithGlobals(), async (world) => (await import('./commands/verify.ts')).verify(world, { id, ...flags })),
    );

  program
    .command('doctor')
    .description('configuration, database, checkpoint, line: is everything ready?')
    .option('--sandbox', 'check the sandbox instead of the line')
    .option('--sql', "print the SQL that makes wsend's own tables, for whoever may create tables")
    .action((flags, command) =>
      act(command.optsWithGlobals(), async (world) => (await import('./commands/doctor.ts')).doctor(world, flags)),
    );

  program
    .command('listen')
    .description('take what the provider reports: delivery, replies, who wants no messages; and send Message 2')
    .option('--port <n>', 'port to listen on (0: any free one)', '8080')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--poll', 'ask the provider instead of waiting for its calls: for a machine without a public address')
    .action((flags, command) =>
      act(command.optsWithGlobals(), async (world) => (await import('./commands/listen.ts')).listen(world, flags)),
    );

  const optOut = program.command('optout').description('the list of those who want no messages');
  optOut
    .command('add')
    .description('put numbers on the list')
    .argument('<number...>', 'with their country code')
    .option('--country <code>', 'country of numbers without a country code, such as BJ')
    .action((numbers, _flags, command) => {
      const flags = command.optsWithGlobals();
      return act(flags, async (world) => (await import('./commands/opt-out.ts')).change(world, { ...flags, numbers, out: true }));
    });
  optOut
    .command('remove')
    .description('take numbers off the list')
    .argument('<number...>', 'with their country code')
    .option('--country <code>', 'country of numbers without a country code, such as BJ')
    .action((numbers, _flags, command) => {
      const flags = command.optsWithGlobals();
      return act(flags, async (world) => (await import('./commands/opt-out.ts')).change(world, { ...flags, numbers, out: false }));
    });
  optOut
    .command('list')
    .description('show the list')
    .action((_flags, command) => act(command.optsWithGlobals(), async (world) => (await import('./commands/opt-out.ts')).list(world)));
  optOut
    .command('import')
    .description('put the numbers of a CSV file on the list')
    .argument('<file>', 'a file with a phone column')
    .option('--country <code>', 'country of numbers without a country code, such as BJ')
    .option(...PHONE_COLUMN)
    .action((csv, _flags, command) => {
      const flags = command.optsWithGlobals();
      return act(flags, async (world) => (await import('./commands/opt-out.ts')).importFile(world, { ...flags, csv }));
    });

  const sandbox = program
    .command('sandbox')
    .description("a local stand-in for the provider's API")
    .option('--port <n>', 'port to listen on (0: any free one)', '4010');
  sandbox
    .option('--file <path>', 'keep accepted messages in this SQLite file (default: in memory)')
    .option('--webhook <url>', 'tell this address what happens to messages, and what contacts answer')
    .addOption(faultOption())
    .action((flags, command) =>
      act(command.optsWithGlobals(), async (world) => (await import('./commands/sandbox.ts')).sandbox(world, flags)),
    );
  refuseRepeats(program);
  return program;
}

function paced(command: Command): Command {
  return command
    .option('--delay <seconds>', 'between the starts of two sends (2 to 10, default 3)')
    .option('--batch-size <n>', 'sends per batch (25 to 100 advised, default 75)')
    .option('--batch-pause <seconds>', 'rest after a batch (default 30)');
}

function sending(command: Command): Command {
  return paced(command)
    .option('--concurrency <n>', 'most calls in flight at once (default 4)')
    .option('--limit <n>', 'pause after this many sends')
    .option('--dry-run', 'check everything, send nothing')
    .option('--yes', 'do not ask before sending')
    .option('--sandbox', 'rehearse: send to a stand-in on this machine, and leave no trace in your database')
    .addOption(faultOption());
}

function faultOption(): Option {
  const all = (value: string, before: string[] = []) => [...before, value];
  return new Option(
    '--fault <name=value>',
    'switch a fault of the sandbox on (again for more; "wsend sandbox --fault list" names them)',
  ).argParser(all);
}

function toUsageError({ message }: CommanderError, argv: string[]): UsageError {
  const words = argv.filter((word) => !word.startsWith('-'));
  const missing = message === '(outputHelp)';
  const askedFor = words.includes('help') ? words[words.indexOf('help') + 1] : undefined;
  const unknown = missing ? askedFor : /unknown command '(.*?)'/.exec(message)?.[1];
  const known = unknown === undefined ? words.slice(0, 1) : words.slice(0, words.indexOf(unknown)).filter((word) => word !== 'help');
  const help = ['wsend', ...known, '--help'].join(' ');
  if (!missing) return new UsageError(message.replace(/^error: /, ''), `See ${help}.`);
  return new UsageError(unknown === undefined ? 'a command is missing' : `unknown command '${unknown}'`, `${help} lists the commands.`);
}

/** The one place where an error becomes a line on stderr, a next step and an exit code; resolves to the code. */
export async function showError(seen: unknown, argv: string[], outside: Outside): Promise<number> {
  const { stderr } = outside;
  const error = knownError(seen);
  const [{ errorJson, errorText }, { wantsColor }] = await Promise.all([
    import('./adapters/terminal/errors.ts'),
    import('./flags.ts'),
  ]).catch((cause) => Promise.reject(knownError(cause)));
  const color = stderr.isTTY && wantsColor({ color: !argv.includes('--no-color') }, outside);
  const json = errorJson(error);
  stderr.write(argv.includes('--json') ? `${JSON.stringify(json)}\n` : errorText(error, { color, debug: argv.includes('--debug') }));
  return json.code;
}
