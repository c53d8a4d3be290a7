import { METRICS_TABLE, type MetricName } from '@yardmaster/service-kit';
import { code, table } from './markdown.js';
import { sourceFiles } from './source-files.js';

export function metricTable(): string {
  const files = sourceFiles('apps', 'libs').filter((file) => !file.path.endsWith('telemetry/metrics.ts'));
  const rows = (Object.keys(METRICS_TABLE) as MetricName[]).map((name) => {
    const { kind, help, labels } = METRICS_TABLE[name];
    const isMeasured = files.some(({ text }) => text.includes(name));
    return [
      code(name),
      kind,
      labels.map(code).join(', '),
      help,
      isMeasured ? '' : 'declared; not measured yet',
    ];
  });
  return table(['metric', 'kind', 'labels', 'meaning', ''], rows);
}
