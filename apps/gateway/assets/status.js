// Read-only: asks the public interface every few seconds while the page is visible. The key stays in this tab.
const EVERY_MS = 3000;
const byId = (id) => document.getElementById(id);
let key = sessionStorage.getItem('yard-key') ?? '';
let timer = 0;

byId('key').value = key;
byId('key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  key = byId('key').value.trim();
  sessionStorage.setItem('yard-key', key);
  void refresh();
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refresh();
});

async function ask(path) {
  const response = await fetch(path, { headers: { authorization: `Bearer ${key}` } });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail ?? response.statusText);
  return body;
}

async function refresh() {
  clearTimeout(timer);
  if (key === '') {
    byId('board').hidden = true;
    notice('Enter a key to see the yard. The first one lies in operator.token of the state directory.');
    return;
  }
  const [queues, workers, tasks, capacity] = await Promise.allSettled([
    ask('/v1/queues'),
    ask('/v1/workers'),
    ask('/v1/tasks?limit=20'),
    ask('/v1/capacity'),
  ]);
  const failures = [queues, workers, tasks, capacity].filter((one) => one.status === 'rejected');
  notice(failures.length > 0 ? failures[0].reason.message : '');
  byId('board').hidden = failures.length === 4;
  if (queues.status === 'fulfilled') showQueues(queues.value.items);
  if (workers.status === 'fulfilled') showWorkers(workers.value.items);
  if (tasks.status === 'fulfilled') showTasks(tasks.value.items);
  if (capacity.status === 'fulfilled') showCapacity(capacity.value);
  byId('fresh').textContent = failures.length === 4 ? '' : `as of ${new Date().toLocaleTimeString()}`;
  if (!document.hidden) timer = setTimeout(() => void refresh(), EVERY_MS);
}

function showQueues(queues) {
  const sum = (name) => queues.reduce((total, queue) => total + queue[name], 0);
  byId('waiting').textContent = (sum('ready') + sum('visible') + sum('backingOff')).toLocaleString();
  byId('running').textContent = sum('leased').toLocaleString();
  table(
    'queues',
    ['Queue', '#Ready', '#Queued', '#Running', '#Backing off'],
    queues.map((queue) => [
      queue.paused ? state('paused', `${queue.name} (paused)`) : queue.name,
      queue.ready,
      queue.visible,
      queue.leased,
      queue.backingOff,
    ]),
  );
}

function showWorkers(workers) {
  byId('healthy').textContent = workers
    .filter((worker) => worker.state === 'healthy')
    .length.toLocaleString();
  table(
    'workers',
    ['Worker', 'State', 'Kind', '#Attempts', 'Takes', 'Last heard'],
    workers.map((worker) => [
      worker.name,
      state(worker.state, worker.state),
      worker.kind,
      worker.leases,
      worker.kind === 'sdk'
        ? worker.handlers.join(', ')
        : `${(worker.capacity.cpu ?? 0) / 1000} cpu, ${bytes(worker.capacity.memory ?? 0)}`,
      worker.lastHeartbeatMsAgo === null
        ? 'not yet'
        : `${Math.round(worker.lastHeartbeatMsAgo / 1000)} s ago`,
    ]),
  );
}

function showTasks(tasks) {
  table(
    'tasks',
    ['Task', 'Name', 'State', 'Queue', '#Attempts', 'Submitted', 'Took'],
    tasks.map((task) => [
      mono(task.id),
      task.name,
      state(task.status, task.state),
      task.spec.queue,
      task.attemptsMade || '',
      new Date(task.submittedAt).toLocaleTimeString(),
      took(task),
    ]),
  );
}

function showCapacity({ total, used }) {
  byId('cpu').textContent = total.cpu > 0 ? `${Math.round((100 * (used.cpu ?? 0)) / total.cpu)} %` : '–';
}

function took({ startedAt, endedAt }) {
  if (startedAt === null) return '';
  const ms = (endedAt === null ? Date.now() : Date.parse(endedAt)) - Date.parse(startedAt);
  return ms < 10_000 ? `${Math.max(0, ms)} ms` : `${Math.round(ms / 1000)} s`;
}

function bytes(amount) {
  return amount >= 1e9 ? `${Math.round(amount / 1e8) / 10} GB` : `${Math.round(amount / 1e6)} MB`;
}

// Text only, never markup: names are written by tenants.
function table(id, heads, rows) {
  const head = document.createElement('tr');
  for (const title of heads) {
    const cell = document.createElement('th');
    cell.textContent = title.replace('#', '');
    if (title.startsWith('#')) cell.className = 'number';
    head.append(cell);
  }
  const body = rows.map((row) => {
    const line = document.createElement('tr');
    row.forEach((value, i) => {
      const cell = document.createElement('td');
      if (heads[i].startsWith('#')) cell.className = 'number';
      cell.append(value instanceof Node ? value : String(value));
      line.append(cell);
    });
    return line;
  });
  byId(id).replaceChildren(head, ...body);
}

function state(kind, text) {
  const mark = document.createElement('span');
  mark.className = `state ${kind}`;
  mark.textContent = text;
  return mark;
}

function mono(text) {
  const code = document.createElement('code');
  code.textContent = text;
  return code;
}

function notice(text) {
  byId('notice').textContent = text;
}

void refresh();
