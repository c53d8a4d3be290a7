import { Argument, Command, Option } from 'commander';
import { EXIT } from './exit.js';
import type { Action, Invocation, Options } from './invocation.js';

/** The exit code of the last action. */
export interface Outcome {
  exit: number;
}

type Load = () => Promise<Action>;

/** The whole command line. Nothing but commander is loaded before an action runs, so that `--help` is quick. */
export function buildProgram(outcome: Outcome, rest: readonly string[] | null): Command {
  const program = new Command('yard')
    .description('Run work on machines: tasks go in, the log remembers, workers do the work.')
    .version('0.1.0', '-V, --version')
    .exitOverride()
    .showHelpAfterError('(`--help` shows what there is)')
    .addHelpText(
      'after',
      `
Examples:
  yard up                                  start a yard here and serve until Ctrl-C
  yard run examples/first-run.yaml         submit a file, watch it, print the results
  yard run --cpu 2 -- make -j2             run one command on a worker
  yard task list --status failed           what went wrong
  yard task why ID                         why a task waits
  yard doctor                              check everything and say what to do

The yard is found by YARD_URL and YARD_TOKEN, else by the state directory (YARD_HOME, default .yard).
Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 key, 5 conflict, 6 unavailable, 7 limit, 124 wait timed out.`,
    );

  const leaf = (parent: Command, name: string, description: string, load: Load): Command =>
    parent
      .command(name)
      .description(description)
      .addOption(
        new Option('-o, --output <form>', 'how to print').choices(['table', 'wide', 'json', 'yaml', 'name']),
      )
      .option('--url <url>', 'address of the yard')
      .option('--home <dir>', 'state directory to take address and key from')
      .option('--token-file <file>', 'file with the key')
      .action(async (...all: unknown[]) => {
        const command = all.at(-1) as Command;
        const invocation: Invocation = {
          args: command.processedArgs.flat().filter((a) => a !== undefined) as string[],
          options: command.optsWithGlobals<Options>(),
          rest,
        };
        outcome.exit = (await (await load())(invocation)) ?? EXIT.ok;
      });
  const noun = (name: string, description: string): Command => program.command(name).description(description);

  leaf(
    program,
    'up',
    'start a yard here and serve until Ctrl-C',
    async () => (await import('./commands/up.js')).up,
  ).addHelpText(
    'after',
    '\nThe same as `npm start` without the example. YARD_HOME, YARD_HTTP_PORT and YARD_GRPC_PORT choose place and ports.',
  );

  leaf(
    program,
    'run',
    'submit a file, or one command after `--`, and see it through',
    async () => (await import('./commands/run.js')).run,
  )
    .argument('[file]', 'YAML (several documents) or JSON with tasks and workflows; `-` is stdin')
    .option('--no-wait', 'print the ids and leave')
    .option('--timeout <duration>', 'leave with 124 after so long; the work goes on')
    .option('--cpu <amount>', 'cores for the command, as in 2 or 500m')
    .option('--mem <amount>', 'memory for the command, as in 512Mi')
    .option('--name <name>', 'name of the task for the command')
    .addHelpText(
      'after',
      `
Scripts that the file names and that lie beside it are uploaded first.
The exit code is 0 when everything succeeded, else 1.

Examples:
  yard run examples/first-run.yaml
  yard run pipeline.yaml --no-wait -o name
  yard run --cpu 500m --mem 256Mi -- python3 -c 'print(6 * 7)'`,
    );

  const task = noun('task', 'submit, list and look into tasks');
  const tasks =
    (
      name: 'submit' | 'list' | 'get' | 'why' | 'logs' | 'cancel' | 'forceEnd' | 'wait' | 'result' | 'events',
    ) =>
    async (): Promise<Action> =>
      (await import('./commands/task.js'))[name];
  leaf(task, 'submit', 'submit tasks and leave', tasks('submit'))
    .argument('<file>', 'YAML or JSON; `-` is stdin')
    .option('--idempotency-key <key>', 'the same key with the same body submits nothing twice')
    .addHelpText(
      'after',
      '\nExample:\n  echo \'{"run": {"command": ["date"]}}\' | yard task submit - -o name',
    );
  leaf(task, 'list', 'list tasks', tasks('list'))
    .option('--state <state>', 'fine state, such as running')
    .option('--status <status>', 'waiting, in_progress, done or failed')
    .option('--queue <name>')
    .option('--workflow <id>')
    .option('--name <name>')
    .option('--label <name=value>')
    .option('--tenant <name>', 'of this tenant (operators)')
    .option('--since <time>', 'RFC 3339')
    .option('--until <time>', 'RFC 3339')
    .option('--sort <order>', 'newest or oldest')
    .option('--limit <n>', 'most to show', '50')
    .option('--all', 'all pages')
    .addHelpText('after', '\nExample:\n  yard task list --status failed -o wide');
  leaf(task, 'get', 'one task with its attempts', tasks('get')).argument('<id>');
  leaf(task, 'why', 'why it waits', tasks('why')).argument('<id>');
  leaf(task, 'logs', 'its output', tasks('logs'))
    .argument('<id>')
    .option('-f, --follow', 'go on until the attempt ends')
    .option('--attempt <n>', 'default: the last')
    .option('--stream <name>', 'stdout or stderr; default: both');
  leaf(task, 'cancel', 'cancel tasks', tasks('cancel')).argument('<ids...>');
  leaf(
    task,
    'force-end',
    'end a stuck task at once as failed; what still runs of it is killed',
    tasks('forceEnd'),
  )
    .argument('<id>')
    .requiredOption('--reason <text>', 'becomes the error of the task');
  leaf(task, 'wait', 'wait for ends', tasks('wait'))
    .argument('<ids...>')
    .option('--timeout <duration>', 'leave with 124 after so long')
    .addHelpText(
      'after',
      '\nThe exit code is 0 when all succeeded, 1 when one did not, 124 when the time ran out.',
    );
  leaf(task, 'result', 'wait for the end and print the result as JSON', tasks('result'))
    .argument('<id>')
    .option('--timeout <duration>', 'leave with 124 after so long');
  leaf(task, 'events', 'what the log says about it', tasks('events')).argument('<id>');

  const workflow = noun('workflow', 'submit, list and look into workflows');
  const workflows =
    (name: 'submit' | 'list' | 'get' | 'graph' | 'cancel' | 'wait') => async (): Promise<Action> =>
      (await import('./commands/workflow.js'))[name];
  leaf(workflow, 'submit', 'submit workflows and leave', workflows('submit'))
    .argument('<file>', 'YAML or JSON; `-` is stdin')
    .option('--idempotency-key <key>');
  leaf(workflow, 'list', 'list workflows', workflows('list'))
    .option('--limit <n>', 'most to show', '50')
    .option('--cursor <cursor>', 'next page');
  leaf(workflow, 'get', 'one workflow with its tasks', workflows('get')).argument('<id>');
  leaf(workflow, 'graph', 'its tasks and dependencies', workflows('graph'))
    .argument('<id>')
    .option('--svg', 'as a picture')
    .addHelpText('after', '\nExample:\n  yard workflow graph ID --svg > graph.svg');
  leaf(workflow, 'cancel', 'cancel what has not ended', workflows('cancel')).argument('<ids...>');
  leaf(workflow, 'wait', 'wait for ends', workflows('wait'))
    .argument('<ids...>')
    .option('--timeout <duration>', 'leave with 124 after so long');

  const worker = noun('worker', 'the machines and processes that do the work');
  const workers = (name: 'list' | 'cordon' | 'drain' | 'uncordon') => async (): Promise<Action> =>
    (await import('./commands/worker.js'))[name];
  leaf(worker, 'list', 'list workers', workers('list'));
  leaf(worker, 'cordon', 'give it no new work', workers('cordon')).argument('<id>');
  leaf(worker, 'drain', 'give it no new work, and end what it still runs after a while', workers('drain'))
    .argument('<id>')
    .requiredOption('--deadline <duration>', 'what it runs may go on for so long')
    .option('--on-deadline <what>', 'kill, checkpoint or wait', 'kill');
  leaf(worker, 'uncordon', 'give it work again', workers('uncordon')).argument('<id>');

  const queue = noun('queue', 'queues and what stands in them');
  const queues = (name: 'list' | 'set' | 'pause' | 'resume') => async (): Promise<Action> =>
    (await import('./commands/queue.js'))[name];
  leaf(queue, 'list', 'list queues', queues('list'));
  leaf(queue, 'set', 'say how long a worker may be silent before its tasks run elsewhere', queues('set'))
    .argument('<name>')
    .requiredOption('--lease-ttl <duration>', 'from 30s to 15m, or default');
  leaf(queue, 'pause', 'start nothing from it', queues('pause')).argument('<name>');
  leaf(queue, 'resume', 'start from it again', queues('resume')).argument('<name>');

  leaf(
    program,
    'events',
    'what happens, one event a line (JSON when piped)',
    async () => (await import('./commands/events.js')).events,
  )
    .option('-f, --follow', 'go on until Ctrl-C')
    .option('--from <position>', 'a position, `start` or `now`')
    .option('--types <list>', 'event types, separated by commas')
    .option('--workflow <id>')
    .option('--task <id>')
    .addHelpText(
      'after',
      '\nWithout -f it prints what the log holds and leaves; with -f it begins now.\n\nExample:\n  yard events -f | jq -c \'select(.type == "TaskFailed")\'',
    );
  leaf(
    program,
    'capacity',
    'what there is, what is used, what waits',
    async () => (await import('./commands/overview.js')).capacity,
  );
  leaf(
    program,
    'cluster',
    'nodes, roles, epochs and how far behind they are',
    async () => (await import('./commands/cluster.js')).cluster,
  ).option('--roles', 'one line a role instead of one a node');
  leaf(
    program,
    'alerts',
    'what needs attention, and what to do',
    async () => (await import('./commands/overview.js')).alerts,
  ).option('--all', 'cleared ones too');
  leaf(
    program,
    'dead-letters',
    'messages that no service could read, newest first, and why',
    async () => (await import('./commands/overview.js')).deadLetters,
  ).option('--limit <n>', 'at most so many', '50');

  const agent = noun('agent', 'the process that runs tasks on a machine');
  leaf(
    agent,
    'start',
    'start an agent on this machine',
    async () => (await import('./commands/agent.js')).start,
  )
    .argument(
      '[options...]',
      'more for the agent: --name, --label K=V, --cpu, --memory, --resource K=N, --dir',
    )
    .allowUnknownOption()
    .option(
      '--join <token>',
      'key with the role agent; default: YARD_TOKEN, else agent.token of the state directory',
    )
    .addHelpText(
      'after',
      '\nExample:\n  YARD_URL=http://yard.example:7070 yard agent start --join yk_... --label zone=a --cpu 8',
    );

  const accounts =
    (name: 'createKey' | 'revokeKey' | 'listTenants' | 'putTenant' | 'getTenant' | 'putSubscription') =>
    async (): Promise<Action> =>
      (await import('./commands/accounts.js'))[name];
  const key = noun('key', 'keys of tenants');
  leaf(key, 'create', 'make a key; it is shown this once', accounts('createKey'))
    .option('--tenant <name>', 'whose', 'default')
    .option('--role <role>', 'viewer, submitter, tenant-admin, operator or agent', 'submitter')
    .option('--name <name>', 'to tell it from others')
    .option('--recover', 'make a new operator key for the state directory of a yard whose key is lost');
  leaf(key, 'revoke', 'revoke a key', accounts('revokeKey'))
    .argument('<keyId>')
    .option('--tenant <name>', 'whose', 'default');
  const tenant = noun('tenant', 'tenants (operators)');
  leaf(tenant, 'list', 'list tenants', accounts('listTenants'));
  leaf(tenant, 'get', 'one tenant', accounts('getTenant')).argument('<name>');
  leaf(tenant, 'put', 'create or change a tenant', accounts('putTenant'))
    .argument('<name>')
    .option('--subscription <name>')
    .option('--trusted', 'its scripts may run without a sandbox');
  const subscription = noun('subscription', 'limits that tenants share by name (operators)');
  leaf(subscription, 'put', 'define a subscription', accounts('putSubscription'))
    .argument('<name>')
    .option('--tasks-per-hour <n>')
    .option('--burst-per-second <n>')
    .option('--max-waiting <n>')
    .option('--weight <n>');

  const admin = noun('admin', 'maintenance, and the views of the log (operators)');
  leaf(
    admin,
    'maintenance',
    'let no lease run out for a while: before a planned outage of the yard',
    async () => (await import('./commands/admin.js')).maintenance,
  ).requiredOption('--for <duration>', 'at most 15m');
  leaf(
    admin,
    'feature-level',
    'raise the feature level to the highest that every node can work at; there is no way back',
    async () => (await import('./commands/admin.js')).raiseLevel,
  ).addArgument(new Argument('<what>', 'what to do with it').choices(['raise']));
  leaf(
    admin,
    'verify',
    'make the views anew beside what is stored, and compare; exit 1 when they differ',
    async () => (await import('./commands/admin.js')).verify,
  );
  leaf(
    admin,
    'rebuild',
    'throw the views away and make them anew from the log; tasks go on meanwhile',
    async () => (await import('./commands/admin.js')).rebuild,
  ).option('--no-wait', 'leave at once');

  leaf(
    program,
    'doctor',
    'check everything and say what to do',
    async () => (await import('./commands/doctor.js')).doctor,
  );
  return program;
}
