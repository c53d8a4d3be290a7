/** What `--help` says. Names are those of the figures; a part of one up to a dot selects all that begin with it. */
export const HELP = `npm run bench -- [--only NAME[,NAME]] [--runs N] [--quick]

  --only    measures these alone
  --runs    runs of each, 5 unless told
  --quick   two runs of less: for a first look

  accept.batch  accept.single  noop.e2e  noop.e2e.projected  latency.start  latency.finish
  script.e2e  xargs.baseline  dag.10k  chain.step  idle.rss  idle.cpu  rebuild.events

These take minutes, and are measured only when --only names them:

  takeover.seconds     two of every service; kills each role's owner, --runs times each
  memory.waiting.1m    a million waiting tasks, and restart.waiting.1m over them
  workers.2000         so many workers with sessions of their own
  members.churn        30,000 tasks of workflows whose workers come and go
`;
