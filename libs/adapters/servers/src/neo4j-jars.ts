import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheDirectory } from './cache-directory.js';
import type { ProvisionContext } from './nats-binary.js';
import { findProgram, isProgram, lastWords, runTool } from './run-tool.js';
import { ServerUnavailable } from './server-errors.js';

export const NEO4J_VERSION = '5.26.26';
const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
const OLDEST_JAVA = 17;

/** What is there to run the graph database with, found without fetching anything. */
export interface Neo4jTools {
  readonly java: string;
  /** Missing when the jars are in the cache already and Maven is not needed. */
  readonly maven: string | undefined;
  readonly jars: string;
}

/** @returns the reason, in one line, where there is nothing to run it with */
export async function findNeo4jTools(env: NodeJS.ProcessEnv): Promise<Neo4jTools | string> {
  const home = env['JAVA_HOME'];
  const java =
    home && isProgram(path.join(home, 'bin', 'java'))
      ? path.join(home, 'bin', 'java')
      : findProgram('java', env);
  if (!java) return `Java is absent (install Java ${OLDEST_JAVA} or newer and Maven to have Neo4j)`;
  const { code, output } = await runTool(java, ['-version']);
  const version = Number(/version "(\d+)/.exec(output)?.[1] ?? 0);
  if (code !== 0) return `Java does not run here: ${lastWords(output)}`;
  if (version < OLDEST_JAVA)
    return `Java ${version} is too old (install Java ${OLDEST_JAVA} or newer to have Neo4j)`;
  const jars = path.join(cacheDirectory(env, 'neo4j', NEO4J_VERSION), 'lib');
  const maven = findProgram('mvn', env);
  if (!existsSync(jars) && !maven) return 'Maven is absent (install Maven to have Neo4j)';
  return { java, maven, jars };
}

/** Fetches the jars from Maven Central, or the mirror that Maven is set up for, once. */
export async function provideNeo4jJars(
  tools: Neo4jTools,
  { env, onProgress, signal }: ProvisionContext,
): Promise<void> {
  if (existsSync(tools.jars)) return;
  if (!tools.maven) throw new ServerUnavailable('Maven is absent (install Maven to have Neo4j)');
  const parent = path.dirname(tools.jars);
  const workshop = mkdtempSync(path.join(parent, 'fetch-'));
  onProgress(
    `fetching Neo4j ${NEO4J_VERSION} with Maven, once (214 files, 120 MB, about a minute) into ${parent}`,
  );
  try {
    writeFileSync(path.join(workshop, 'pom.xml'), POM);
    const copied = path.join(workshop, 'lib');
    const args = ['-B', '-q', '-f', path.join(workshop, 'pom.xml'), `${DEPENDENCY_PLUGIN}:copy-dependencies`];
    const { code, output } = await runTool(
      tools.maven,
      [...args, `-DoutputDirectory=${copied}`, '-DincludeScope=runtime'],
      {
        env,
        cwd: workshop,
        signal,
        onTick: (seconds) => onProgress(`... fetching Neo4j, ${seconds} s`),
      },
    );
    if (code !== 0)
      throw new ServerUnavailable(`Maven cannot fetch Neo4j ${NEO4J_VERSION}: ${lastWords(output)}`);
    // Two yards may have fetched at once; either copy will do.
    if (!existsSync(tools.jars)) renameSync(copied, tools.jars);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
  onProgress(`Neo4j ${NEO4J_VERSION} is fetched`);
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>yardmaster</groupId>
  <artifactId>neo4j</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.neo4j</groupId>
      <artifactId>neo4j</artifactId>
      <version>${NEO4J_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.neo4j.app</groupId>
      <artifactId>neo4j-server</artifactId>
      <version>${NEO4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;
