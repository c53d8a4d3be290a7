import { CODECS, type EventType } from '@yardmaster/contracts';
import ts from 'typescript';
import { code, source, table } from './markdown.js';

const FILES = ['task-events', 'platform-events', 'scheduling-spec'].map(
  (name) => `libs/domain/src/events/${name}.ts`,
);

/** The union of each stream's events, and who writes it. */
const STREAMS: readonly {
  readonly union: string;
  readonly stream: string;
  readonly writer: string;
  readonly says: string;
}[] = [
  {
    union: 'TaskEvent',
    stream: 'tasks-<p>',
    writer: 'submitter/<p>',
    says: 'what clients asked for, and how it ended',
  },
  {
    union: 'QueueEvent',
    stream: 'queue-main',
    writer: 'queue/main',
    says: 'what is queued, when it is visible again, what is given up',
  },
  {
    union: 'LeaseEvent',
    stream: 'leases-main',
    writer: 'resources/main',
    says: 'workers, and who may run what',
  },
  {
    union: 'AccountEvent',
    stream: 'accounts',
    writer: 'limits',
    says: 'tenants, keys, subscriptions, tokens',
  },
  { union: 'IdEvent', stream: 'ids', writer: 'ids', says: 'which generator numbers are in use' },
  {
    union: 'ClusterEvent',
    stream: 'cluster',
    writer: 'cluster',
    says: 'the installation, and epochs of duties without a stream',
  },
  { union: 'AlertEvent', stream: 'alerts', writer: 'monitor', says: 'what needs attention' },
];

/** What each says, in one line; an event without a line here fails the build of this page. */
const SAYS: Readonly<Record<EventType, string>> = {
  OwnerTookOver: 'a new owner of this stream began; an older one is refused from here on',
  SegmentArchived: 'everything up to here is in the archive, read back and found whole',
  SpecDefined: 'a scheduling spec has this number in this stream',
  WorkflowSubmitted: 'a workflow was admitted',
  TaskSubmitted: 'a task was admitted',
  TasksDue: 'scheduled tasks fell due',
  CancelRequested: 'someone asked for the end of a task',
  TaskSucceeded: 'a task ended well and released these children',
  TaskFailed: 'a task failed for good, and with it all that needs it',
  TaskCancelled: 'a task was cancelled, and what needs it will not run',
  WorkflowEnded: 'the last task of a workflow ended',
  ClassDefined: 'a scheduling spec has this number in the queue',
  BatchQueued: 'the batcher pushed these tasks',
  TaskBackedOff: 'an attempt failed; the task is visible again later',
  TasksVisible: 'tasks came back from backing off',
  TaskGivenUp: 'no further attempt',
  TasksRemoved: 'tasks left the queue without having run to an end',
  QueuePaused: 'a queue was paused or resumed',
  QueueLeaseTtlSet: 'leases of tasks of a queue last so long from now on',
  WorkerJoined: 'a worker offers its capacity',
  WorkerCordoned: 'a worker gets no new work, or again some',
  WorkerGone: 'a worker left, was lost or came back as a new process',
  LeaseGranted: 'a worker may run an attempt; its cap counts from here',
  WorkerDraining: 'a worker gets no new work, and has until then to finish what it runs',
  LeasesExtended: 'a maintenance begins, during which no lease runs out, or is over (0)',
  LeaseEnded: 'an attempt ended, with outcome, use and result',
  ClusterFounded: 'the first event: which installation this is',
  NodeJoined: 'a service process is there, or came back as a new one, with the roles that it offers',
  NodeLeft: 'a service process fell silent or stopped; its roles are free',
  RoleAssigned: 'a node got a role, with an epoch',
  RoleWithdrawn: 'a node is to let a role go, so that another can have it',
  FeatureLevelRaised: 'every node can work at this level',
  TenantCreated: 'a tenant is there, or was changed',
  SubscriptionDefined: 'a subscription is there, or was changed',
  KeyCreated: 'a key is there; only its hash is stored',
  KeyRevoked: 'a key is worth nothing any more',
  TokensGranted: 'a gateway may admit so many tasks',
  TokensReturned: 'what a gateway did not use came back',
  GeneratorLeased: 'a node may make ids of this number in this time',
  AlertRaised: 'something needs attention; the action says what to do',
  AlertCleared: 'an alert is over',
};

interface Declared {
  readonly fields: readonly { readonly name: string; readonly type: string; readonly doc: string }[];
}

export function eventTables(): string {
  const files = FILES.map((file) => ts.createSourceFile(file, source(file), ts.ScriptTarget.Latest, true));
  const interfaces = new Map<string, Declared>();
  const unions = new Map<string, readonly string[]>();
  for (const file of files) {
    file.forEachChild((node) => {
      if (ts.isInterfaceDeclaration(node)) interfaces.set(node.name.text, declared(node, file));
      else if (ts.isTypeAliasDeclaration(node) && ts.isUnionTypeNode(node.type))
        unions.set(
          node.name.text,
          node.type.types.map((member) => member.getText(file)),
        );
    });
  }
  const told = publicTypes();
  const sections = STREAMS.map(({ union, stream, writer, says }) => {
    const events = unions.get(union) ?? [];
    const rows = events.flatMap((name) => {
      const type = name as EventType;
      if ((type === 'OwnerTookOver' || type === 'SegmentArchived') && union !== 'TaskEvent') return [];
      const codec = CODECS.get(type);
      if (codec === undefined) throw new Error(`${name} has no codec`);
      const fields = (interfaces.get(name)?.fields ?? []).filter((field) => field.name !== 'type');
      return [
        [
          code(name),
          `${String(codec.code)}.${String(codec.version)}`,
          SAYS[type],
          fields.map(showField).join('<br>'),
          told.has(name) ? 'yes' : '',
        ],
      ];
    });
    return `### ${code(stream)}\n\nWriter: role ${code(writer)}. ${says[0]!.toUpperCase()}${says.slice(1)}.\n\n${table(['event', 'code', 'says', 'fields', 'told'], rows)}`;
  });
  return sections.join('\n\n');
}

function declared(node: ts.InterfaceDeclaration, file: ts.SourceFile): Declared {
  const fields = node.members.filter(ts.isPropertySignature).map((member) => ({
    name: member.name.getText(file) + (member.questionToken === undefined ? '' : '?'),
    type: (member.type?.getText(file) ?? '').replace(/\breadonly /g, '').replace(/\s+/g, ' '),
    doc: ts
      .getJSDocCommentsAndTags(member)
      .map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? '')
      .join(' '),
  }));
  return { fields };
}

function showField({ name, type, doc }: Declared['fields'][number]): string {
  return `${code(name)} ${code(type)}${doc === '' ? '' : ` ${doc.replace(/\s+/g, ' ')}`}`;
}

/** Types that `GET /v1/events` shows. */
function publicTypes(): ReadonlySet<string> {
  const file = 'apps/gateway/src/events/event-view.ts';
  return new Set([...source(file).matchAll(/case '([A-Za-z]+)':/g)].map((match) => match[1] ?? ''));
}
