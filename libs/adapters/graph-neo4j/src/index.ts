export { Neo4jGraph, type Neo4jAccess } from './neo4j-graph.js';
