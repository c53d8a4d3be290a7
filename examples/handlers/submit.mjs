// Submits work for worker.mjs and prints the results: npx node examples/handlers/submit.mjs
import { Yard } from '@yardmaster/sdk';

const yard = new Yard();
try {
  const words = await yard.tasks.submit({
    name: 'words',
    run: { handler: 'word-lengths', input: { text: 'tasks go in' } },
  });
  console.log('word lengths:', await words.result({ timeout: '1m' }));

  const items = await yard.tasks.submitMany(
    [1, 2, 3, 4, 5].map((n) => ({ name: `square-${n}`, run: { handler: 'slow-square', input: { n } } })),
  );
  const squares = await Promise.all(
    items.map((item) => {
      if (!item.ok) throw item.error;
      return item.task.result({ timeout: '1m' });
    }),
  );
  console.log('squares:', squares.join(' '));
} finally {
  await yard.close();
}
