import { colours, cut, plain } from '../output/colour.js';
import { took } from '../output/values.js';
import type { Board, BoardTask, Change } from './board.js';

/** Shows how far the work is, on stderr. */
export interface Progress {
  changed(changes: readonly Change[]): void;
  note(line: string): void;
  close(): void;
}

const FRAME_MS = 100;
const ROWS = 12;

export function progressFor(board: Board, startedAt: number): Progress {
  return process.stderr.isTTY && process.env['TERM'] !== 'dumb'
    ? new LiveProgress(board, startedAt)
    : new LineProgress(board, startedAt);
}

/** One line a change; beyond a few dozen tasks one line a second. */
class LineProgress implements Progress {
  private lastCount = 0;
  private readonly timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly board: Board,
    private readonly startedAt: number,
  ) {
    if (board.all.length > 60) {
      this.timer = setInterval(() => {
        this.summary();
      }, 1000);
    }
  }

  changed(changes: readonly Change[]): void {
    if (this.timer !== null) return;
    for (const { task, what, at } of changes) {
      const time =
        task.endedAt !== null && task.startedAt !== null ? `  (${took(task.endedAt - task.startedAt)})` : '';
      this.note(
        `  ${took(Math.max(0, at - this.startedAt)).padStart(6)}  ${plain(task.key)}  ${plain(what)}${time}`,
      );
    }
  }

  note(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  close(): void {
    if (this.timer === null) return;
    clearInterval(this.timer);
    this.summary();
  }

  private summary(): void {
    const { board } = this;
    const ended = board.count('done') + board.count('failed');
    if (ended === this.lastCount) return;
    this.lastCount = ended;
    this.note(
      `  ${took(Date.now() - this.startedAt).padStart(6)}  ${String(ended)}/${String(board.all.length)} ended, ${String(board.count('in_progress'))} running`,
    );
  }
}

/** A block of lines that is drawn over itself: a bar, and a row for each task while they fit. */
class LiveProgress implements Progress {
  private drawn = 0;
  private isOver = false;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly board: Board,
    private readonly startedAt: number,
  ) {
    this.timer = setInterval(() => {
      this.draw();
    }, FRAME_MS);
  }

  changed(): void {
    // The next frame shows it.
  }

  note(line: string): void {
    this.erase();
    process.stderr.write(`${line}\n`);
    this.draw();
  }

  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.timer);
    this.draw();
  }

  private erase(): void {
    if (this.drawn > 0) process.stderr.write(`\u001b[${String(this.drawn)}A\u001b[J`);
    this.drawn = 0;
  }

  private draw(): void {
    const width = (process.stderr.columns || 80) - 1;
    const lines = [...this.rows().map((task) => row(task, width)), this.bar(width)];
    const up = this.drawn > 0 ? `\u001b[${String(this.drawn)}A` : '';
    process.stderr.write(`${up}${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
    this.drawn = lines.length;
  }

  private rows(): readonly BoardTask[] {
    const { all } = this.board;
    if (all.length <= ROWS) return all;
    const running = all.filter((task) => task.status === 'in_progress');
    const failed = all.filter((task) => task.state === 'failed' || task.state === 'dead');
    return [...failed.slice(0, 3), ...running].slice(0, ROWS);
  }

  private bar(width: number): string {
    const { green, red, dim } = colours(process.stderr);
    const total = Math.max(1, this.board.all.length);
    const [done, failed, running] = [
      this.board.count('done'),
      this.board.count('failed'),
      this.board.count('in_progress'),
    ];
    const size = Math.max(10, Math.min(40, width - 50));
    const full = Math.floor((done / total) * size);
    const bad = Math.ceil((failed / total) * size);
    const bar =
      green('█'.repeat(Math.min(full, size - bad))) +
      red('█'.repeat(bad)) +
      dim('░'.repeat(Math.max(0, size - full - bad)));
    return `${bar} ${String(done + failed)}/${String(total)}  ${String(running)} running${failed > 0 ? `, ${red(`${String(failed)} failed`)}` : ''}  ${took(Date.now() - this.startedAt)}`;
  }
}

function row(task: BoardTask, width: number): string {
  const { green, red, cyan, dim } = colours(process.stderr);
  const [mark, paint] =
    task.status === 'done'
      ? (['✔', green] as const)
      : task.status === 'failed'
        ? (['✘', red] as const)
        : task.status === 'in_progress'
          ? (['●', cyan] as const)
          : (['○', dim] as const);
  const time = task.startedAt === null ? '' : took((task.endedAt ?? Date.now()) - task.startedAt);
  const attempt = task.attempt > 1 ? `attempt ${String(task.attempt)}` : '';
  const trouble = task.error !== null && task.status !== 'done' ? plain(task.error) : '';
  const state =
    task.status === 'in_progress' && task.error !== null ? 'running again' : task.state.replace('_', ' ');
  return paint(
    cut(
      `${mark} ${cut(plain(task.key), 28).padEnd(28)}  ${state.padEnd(15)}  ${time.padStart(6)}  ${attempt}  ${trouble}`.trimEnd(),
      width,
    ),
  );
}
