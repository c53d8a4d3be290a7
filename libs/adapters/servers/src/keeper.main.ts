import { Keeper } from './keeper.js';
import { KEEPER_GRACE_MS } from './keeper-protocol.js';

const [home, graceMs] = process.argv.slice(2);
if (!home) throw new Error('usage: keeper.main.js HOME [GRACE_MS]');
process.title = `yard keeper ${home}`;

const keeper = new Keeper(home, Number(graceMs ?? KEEPER_GRACE_MS));
// It has a session of its own, but a stray interrupt or a closed terminal must not take the servers away.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
process.on('SIGTERM', () => void keeper.end().then(() => process.exit(0)));
if (!keeper.open()) process.exit(0);
