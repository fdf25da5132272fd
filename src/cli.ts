import { Command, CommanderError, Option } from 'commander';
import { EXIT } from './errors.ts';
import type { Flags } from './flags.ts';
import { refuseRepeats } from './flags.ts';
import { type Had, OPTIONS, type OptionName, REPEATABLE, reads } from './options.ts';
import type { Outside } from './outside.ts';
import { ADVISED_BATCH, ENV_FILE, SETTINGS, type Setting } from './settings.ts';
import { strayWords, usageErrorOf } from './usage-errors.ts';
import { showError } from './world/show-error.ts';

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
    return showError(error instanceof CommanderError ? usageErrorOf(error, argv, program) : error, argv, outside);
  }
}

type World = import('./world.ts').World;
type Act = (flags: Flags, command: (world: World) => Promise<number>) => Promise<void>;

/** What a command may be given besides its options, and what commander hands over for it. */
type Operand = '<id>' | '[id]' | '<file>' | '<number...>' | '';
type Typed<O extends Operand> = O extends `${string}...>` ? string[] : O extends `[${string}` ? string | undefined : string;

/** One command: what its help says, and what it does with what it is given. */
interface Verb<Name extends OptionName, O extends Operand> {
  about: string;
  operand?: [O, about: string];
  /** What each of its options is for; with the default, where the command itself has one. */
  options: Record<Name, string | [about: string, fallback: string]>;
  examples: string[];
  act: (world: World, options: Had<Name | keyof typeof EVERYWHERE>, operand: Typed<O>) => Promise<number>;
}

/** What every command takes. */
const EVERYWHERE = {
  json: 'print one JSON object per line on stdout',
  quiet: 'print only warnings, pauses and one line at the end',
  color: 'print without colours',
  envFile: `read settings from this file instead of ${ENV_FILE}`,
} as const satisfies Partial<Record<OptionName, string>>;

const FIRST_STEPS = `
First steps:
  wsend estimate --count 1000
  wsend run --csv people.csv --message 'Hello {{first_name}}' --sandbox
  wsend run --campaign 42
  wsend resume 42

Exit codes: 0 all done, 1 bug or infrastructure lost, 2 wrong use (nothing was
sent), 3 some failed or in doubt, 4 line barred, 5 circuit breaker open,
6 paused, 7 held by another run, 129/130/143 interrupted.
After 5, 6, 129, 130 and 143: wsend resume <id>.`;

const ID = 'number of the campaign (wsend status lists them)';
const REHEARSED = 'look for the campaign among the rehearsed ones';
const COUNTRY = 'country of numbers without a country code, such as BJ';
const PHONE_COLUMN = 'the column with the phone numbers, if its name does not say so';
const PORT = 'port to listen on (0: any free one)';
const SKIP_RECENT = 'leave out people who had the same text lately';
const FAULT = 'switch on a fault of the sandbox (repeat it for more; "wsend sandbox --fault list" names them)';

const PACE = {
  delay: `seconds between the starts of two sends (${SETTINGS.minDelay.fallback} to ${SETTINGS.maxDelay.fallback}, ${byDefault(SETTINGS.delay)})`,
  batchSize: `sends per batch (${ADVISED_BATCH.least} to ${ADVISED_BATCH.most} advised, ${byDefault(SETTINGS.batchSize)})`,
  batchPause: `seconds of rest after a batch (${byDefault(SETTINGS.batchPause)})`,
};
const SENDING = {
  ...PACE,
  concurrency: `most calls in flight at once (${byDefault(SETTINGS.concurrency)})`,
  limit: 'pause after this many sends',
  dryRun: 'check everything and send nothing',
  yes: 'do not ask before sending',
  sandbox: 'rehearse: send to a stand-in on this machine; your database stays as it is',
  fault: FAULT,
};

function makeProgram(outside: Outside, act: Act): Command {
  const program = new Command('wsend')
    .description('Sends a WhatsApp campaign to a list of people, as fast as is safe: nobody twice, nobody forgotten.')
    .version(WSEND_VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .addOption(new Option(OPTIONS.debug, 'show stacks').hideHelp())
    .addHelpText('after', FIRST_STEPS)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: outside.stdout.write,
      writeErr: () => undefined,
      getErrHelpWidth: outside.stderr.columns,
      getOutHelpWidth: outside.stdout.columns,
    })
    .exitOverride();
  for (const [name, about] of Object.entries(EVERYWHERE)) program.addOption(optionOf(name as OptionName, about));
  const verb = adding(program, act);

  verb('run', {
    about: 'send a campaign from the database or from a CSV file; a started one is resumed, never begun twice',
    options: {
      campaign: 'a campaign of the database',
      csv: 'a file of people: a phone column, and a template variable in every other column',
      message: 'Message 1, a Liquid template',
      message2: 'Message 2, for people who reply within 24 h',
      name: 'name of the campaign (default: the name of the file)',
      country: COUNTRY,
      phoneColumn: PHONE_COLUMN,
      skipInvalid: 'leave out rows that cannot be sent, and send the others',
      again: 'send even if the same file, or a person in it, had the same text lately',
      skipRecent: `${SKIP_RECENT} (only with --campaign)`,
      ...SENDING,
    },
    examples: [
      "run --csv people.csv --message 'Hello {{first_name}}' --sandbox",
      'run --csv people.csv --message @hello.txt --country BJ --skip-invalid',
      'run --campaign 42 --delay 4 --limit 100',
    ],
    act: async (world, options) => {
      const { run } = await import('./commands/run.ts');
      return run(world, reads<import('./commands/run.ts').RunOptions>(options));
    },
  });

  verb('resume', {
    about: 'continue a campaign that was interrupted or paused',
    operand: ['[id]', ID],
    options: { all: 'every campaign that was interrupted', skipRecent: SKIP_RECENT, ...SENDING },
    examples: ['resume 42', 'resume --all --yes'],
    act: async (world, options, id) => {
      const { resume } = await import('./commands/resume.ts');
      return resume(world, reads<import('./commands/resume.ts').ResumeOptions>({ ...options, id }));
    },
  });

  verb('retry', {
    about: 'send again to the recipients who failed, and only to them',
    operand: ['<id>', ID],
    options: SENDING,
    examples: ['retry 42', 'retry 42 --dry-run'],
    act: async (world, options, id) => {
      const { retry } = await import('./commands/retry.ts');
      return retry(world, reads<import('./commands/retry.ts').RetryOptions>({ ...options, id }));
    },
  });

  verb('estimate', {
    about: 'say how long a campaign takes',
    options: {
      count: 'for this many recipients',
      campaign: 'for the pending recipients of a campaign',
      csv: 'for the people in a file',
      country: COUNTRY,
      phoneColumn: PHONE_COLUMN,
      ...PACE,
    },
    examples: ['estimate --count 1000', 'estimate --csv people.csv --delay 5'],
    act: async (world, options) => {
      const { estimate } = await import('./commands/estimate.ts');
      return estimate(world, reads<import('./commands/estimate.ts').EstimateOptions>(options));
    },
  });

  verb('status', {
    about: 'show all campaigns, or one in detail',
    operand: ['[id]', ID],
    options: { sandbox: 'show the rehearsed campaigns' },
    examples: ['status', 'status 42', 'status --sandbox'],
    act: async (world, _options, id) => (await import('./commands/status.ts')).status(world, { id }),
  });

  verb('report', {
    about: 'print what became of each recipient, as CSV',
    operand: ['<id>', ID],
    options: { sandbox: REHEARSED },
    examples: ['report 42 > 42.csv'],
    act: async (world, _options, id) => (await import('./commands/report.ts')).report(world, { id }),
  });

  verb('pause', {
    about: 'stop a running campaign, from any terminal or machine',
    operand: ['<id>', ID],
    options: { sandbox: REHEARSED },
    examples: ['pause 42'],
    act: async (world, _options, id) => (await import('./commands/pause.ts')).pause(world, { id }),
  });

  verb('cancel', {
    about: 'end a draft or paused campaign for good: nothing more is sent for it',
    operand: ['<id>', ID],
    options: { sandbox: REHEARSED },
    examples: ['cancel 42'],
    act: async (world, _options, id) => (await import('./commands/cancel.ts')).cancel(world, { id }),
  });

  verb('reconcile', {
    about: 'settle recipients in doubt by asking the provider',
    operand: ['<id>', ID],
    options: {
      assume: 'settle by your word what the provider cannot tell (absent: resume sends to them again, perhaps for the second time)',
      yes: 'do not ask before assuming',
      sandbox: REHEARSED,
    },
    examples: ['reconcile 42', 'reconcile 42 --assume sent'],
    act: async (world, options, id) => {
      const { reconcile } = await import('./commands/reconcile.ts');
      return reconcile(world, reads<import('./commands/reconcile.ts').ReconcileOptions>({ ...options, id }));
    },
  });

  verb('verify', {
    about: 'compare the records here with the messages that the provider lists; changes nothing',
    operand: ['<id>', ID],
    options: { rate: `look-ups per second (${byDefault(SETTINGS.lookupRate)})`, sandbox: REHEARSED },
    examples: ['verify 42', 'verify 42 --rate 2'],
    act: async (world, options, id) => {
      const { verify } = await import('./commands/verify.ts');
      return verify(world, reads<import('./commands/verify.ts').VerifyOptions>({ ...options, id }));
    },
  });

  verb('doctor', {
    about: 'check configuration, database, checkpoint and line: is everything ready?',
    options: {
      sandbox: 'check the sandbox instead of the line',
      sql: "print the SQL that makes wsend's own tables, for a database user who may create tables",
    },
    examples: ['doctor', 'doctor --sql | psql wsend'],
    act: async (world, options) => {
      const { doctor } = await import('./commands/doctor.ts');
      return doctor(world, reads<import('./commands/doctor.ts').DoctorOptions>(options));
    },
  });

  verb('listen', {
    about: 'receive delivery reports and replies, record opt-outs, send Message 2',
    options: {
      port: [PORT, '8080'],
      host: ['address to listen on', '127.0.0.1'],
      poll: 'ask the provider instead of waiting for its calls: for a machine without a public address',
    },
    examples: ['listen --port 8080', 'listen --poll'],
    act: async (world, options) => {
      const { listen } = await import('./commands/listen.ts');
      return listen(world, reads<import('./commands/listen.ts').ListenOptions>(options));
    },
  });

  const optOut = program.command('optout').description('keep the list of people who want no messages');
  optOut.addHelpText('after', examplesText(['optout add +2290190000001', 'optout list']));
  const entry = adding(optOut, act);
  for (const [name, out] of [
    ['add', true],
    ['remove', false],
  ] as const)
    entry(name, {
      about: out ? 'put numbers on the list' : 'take numbers off the list',
      operand: ['<number...>', 'with their country code'],
      options: { country: COUNTRY },
      examples: [`optout ${name} +2290190000001`, `optout ${name} 0190000001 0190000002 --country BJ`],
      act: async (world, options, numbers) => {
        const { change } = await import('./commands/opt-out.ts');
        return change(world, reads<import('./commands/opt-out.ts').ChangeOptions>({ ...options, numbers, out }));
      },
    });
  entry('list', {
    about: 'show the list',
    options: {},
    examples: ['optout list', 'optout list --json > optout.ndjson'],
    act: async (world) => (await import('./commands/opt-out.ts')).list(world),
  });
  entry('import', {
    about: 'put the numbers of a CSV file on the list',
    operand: ['<file>', 'a file with a phone column'],
    options: { country: COUNTRY, phoneColumn: PHONE_COLUMN },
    examples: ['optout import gone.csv'],
    act: async (world, options, csv) => {
      const { importFile } = await import('./commands/opt-out.ts');
      return importFile(world, reads<import('./commands/opt-out.ts').ImportOptions>({ ...options, csv }));
    },
  });

  verb('sandbox', {
    about: 'run a local stand-in for the provider',
    options: {
      port: [PORT, '4010'],
      file: 'keep accepted messages in this SQLite file (default: in memory)',
      webhook: 'report to this address what happens to messages, and what contacts answer',
      fault: FAULT,
    },
    examples: ['sandbox --port 4010', 'sandbox --fault throttle=0.1 --fault latency=200', 'sandbox --fault list'],
    act: async (world, options) => {
      const { sandbox } = await import('./commands/sandbox.ts');
      return sandbox(world, reads<import('./commands/sandbox.ts').SandboxOptions>(options));
    },
  });
  refuseRepeats(program);
  return program;
}

/** What adds a command to `parent`. */
function adding(parent: Command, act: Act) {
  return <Name extends OptionName, O extends Operand = ''>(name: string, verb: Verb<Name, O>): void => {
    const command = parent.command(name).description(verb.about).allowExcessArguments().addHelpText('after', examplesText(verb.examples));
    if (verb.operand !== undefined) command.argument(...verb.operand);
    for (const [option, told] of Object.entries<string | [string, string]>(verb.options)) {
      const [about, fallback] = typeof told === 'string' ? [told] : told;
      command.addOption(optionOf(option as OptionName, about).default(fallback));
    }
    command.action(() => {
      const stray = command.args.slice(command.registeredArguments.length);
      if (stray.length > 0 && !command.registeredArguments.some(({ variadic }) => variadic)) throw strayWords(command, stray);
      const operand = command.processedArgs[0] as Typed<O>;
      const options = command.optsWithGlobals<Had<Name | keyof typeof EVERYWHERE>>();
      return act(command.optsWithGlobals<Flags>(), (world) => verb.act(world, options, operand));
    });
  };
}

function optionOf(name: OptionName, about: string): Option {
  const option = new Option(OPTIONS[name], about);
  const all = (value: string, before: string[] = []) => [...before, value];
  return REPEATABLE.some((repeatable) => repeatable === name) ? option.argParser(all) : option;
}

function examplesText(examples: string[]): string {
  return `\nExamples:\n${examples.map((example) => `  wsend ${example}\n`).join('')}`.trimEnd();
}

function byDefault({ fallback }: Setting): string {
  return `default ${fallback}`;
}
