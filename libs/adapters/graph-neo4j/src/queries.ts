/** Cypher of the graph. Ids are strings: they do not fit the numbers of every client. */

export const CONSTRAINTS: readonly string[] = [
  'CREATE CONSTRAINT yard_task_id IF NOT EXISTS FOR (t:Task) REQUIRE t.id IS UNIQUE',
  'CREATE CONSTRAINT yard_checkpoint_stream IF NOT EXISTS FOR (c:Checkpoint) REQUIRE c.stream IS UNIQUE',
  'CREATE INDEX yard_task_workflow IF NOT EXISTS FOR (t:Task) ON (t.workflow)',
];

/** The lock comes before the look: of two writers one sees what the other stored. */
export const ADVANCE = `
MERGE (c:Checkpoint {stream: $stream}) ON CREATE SET c.seq = 0, c.hash = ''
SET c.isLocked = true
REMOVE c.isLocked
WITH c WHERE c.seq = toInteger($from)
SET c.seq = toInteger($seq), c.hash = $hash
RETURN c.seq AS seq`;

const PROPERTIES = `{id: t.id, tenant: toInteger(t.tenant), workflow: t.workflow, key: t.key, name: t.name, rank: toInteger(t.rank), state: t.state, dueAt: toInteger(t.dueAt)}`;

export const CREATE_TASKS = `UNWIND $rows AS t CREATE (:Task ${PROPERTIES})`;
export const MENTION_TASKS = `UNWIND $rows AS t MERGE (n:Task {id: t.id}) ON CREATE SET n = ${PROPERTIES}`;
export const CREATE_EDGES = `
UNWIND $rows AS e
MATCH (child:Task {id: e.to})
MATCH (parent:Task {id: e.from})
CREATE (child)-[:DEPENDS_ON {kind: e.kind}]->(parent)`;
export const SET_STATES = 'UNWIND $rows AS s MATCH (t:Task {id: s.id}) SET t.state = s.state';

export const POSITIONS = 'MATCH (c:Checkpoint) RETURN c.stream AS stream, c.seq AS seq, c.hash AS hash';
export const OPEN_TASKS =
  'MATCH (t:Task) WHERE NOT t.state IN $ended RETURN t.id AS id, t.state AS state, t.dueAt AS dueAt';
export const ALL_TASKS =
  'MATCH (t:Task) RETURN t.id AS id, t.tenant AS tenant, t.workflow AS workflow, t.key AS key, t.name AS name, t.rank AS rank, t.state AS state, t.dueAt AS dueAt';
export const ALL_EDGES =
  'MATCH (child:Task)-[e:DEPENDS_ON]->(parent:Task) RETURN parent.id AS from, child.id AS to, e.kind AS kind';
export const CLEAR =
  'MATCH (n) WHERE n:Task OR n:Checkpoint CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS';

export const WORKFLOW = 'MATCH (t:Task {workflow: $id}) RETURN t.id AS id';
/** Reaches each task once, level by level, however many paths lead there. */
export const UPSTREAM = (depth: number): string =>
  `MATCH (s:Task {id: $id})-[:DEPENDS_ON*0..${String(depth)}]->(t:Task) RETURN DISTINCT t.id AS id`;
export const DOWNSTREAM = (depth: number): string =>
  `MATCH (s:Task {id: $id})<-[:DEPENDS_ON*0..${String(depth)}]-(t:Task) RETURN DISTINCT t.id AS id`;
export const TASKS_OF =
  'UNWIND $ids AS id MATCH (t:Task {id: id}) RETURN t.id AS id, t.tenant AS tenant, t.workflow AS workflow, t.key AS key, t.name AS name, t.rank AS rank, t.state AS state';
export const EDGES_OF =
  'UNWIND $ids AS id MATCH (child:Task {id: id})-[e:DEPENDS_ON]->(parent:Task) RETURN parent.id AS from, child.id AS to, e.kind AS kind';
