/**
 * Finds circles of imports: of files, and of folders. A type counts as much as a value: a reader who
 * follows it goes round all the same.
 *
 * @module
 */

import { type Edge, importGraph } from "../lib/import_graph.ts";
import { isTestOnly, type Tree } from "../lib/tree.ts";

type Graph = ReadonlyMap<string, readonly string[]>;

const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/** The shortest way from a node's successors back to it, or undefined if there is none. */
function circleThrough(graph: Graph, start: string): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const node of queue) {
    for (const next of graph.get(node) ?? []) {
      if (next === start) {
        const circle = [start];
        for (let at = node; at !== start; at = cameFrom.get(at)!) circle.unshift(at);
        return [start, ...circle];
      }
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, node);
      queue.push(next);
    }
  }
  return undefined;
}

/** One circle of each group of nodes that reach one another: a shortest one through its first node. */
function circlesOf(graph: Graph): string[][] {
  const seen = new Set<string>();
  const circles: string[][] = [];
  for (const node of graph.keys()) {
    const circle = seen.has(node) ? undefined : circleThrough(graph, node);
    if (circle === undefined || circle.some((other) => seen.has(other))) continue;
    for (const other of circle) seen.add(other);
    circles.push(circle);
  }
  return circles;
}

/** For each folder the imports that leave it, by the folder that they lead to. */
function folderEdges(edges: readonly Edge[]): Map<string, Map<string, Edge>> {
  const folders = new Map<string, Map<string, Edge>>();
  for (const edge of edges) {
    const [from, to] = [folderOf(edge.from), folderOf(edge.to)];
    if (from === to) continue;
    const out = folders.get(from) ?? new Map<string, Edge>();
    if (!out.has(to)) out.set(to, edge);
    folders.set(from, out);
  }
  return folders;
}

/**
 * A line for each circle of files, and for each circle of folders with an import for each step of it.
 *
 * The module of a worker counts as imported by what names it with `import.meta.resolve`. What is there
 * for tests alone takes no part in circles of folders: a test may use what lies above the code it tests.
 */
export function checkImportCircles(tree: Tree): string[] {
  const graph = importGraph(tree);
  const files = new Map([...graph].map(([path, edges]) => [path, edges.map(({ to }) => to)]));
  const shipped = [...graph.values()].flat().filter(({ from, to }) =>
    !isTestOnly(from) && !isTestOnly(to)
  );
  const edges = folderEdges(shipped);
  const folders = new Map([...edges].map(([folder, out]) => [folder, [...out.keys()]]));
  return [
    ...circlesOf(files).map((circle) => `circle of files: ${circle.join(" -> ")}`),
    ...circlesOf(folders).map((circle) => {
      const steps = circle.slice(1).map((to, i) => {
        const { from: importer, to: imported } = edges.get(circle[i]!)!.get(to)!;
        return `\n    ${importer} imports ${imported}`;
      });
      return `circle of folders: ${circle.join(" -> ")}${steps.join("")}`;
    }),
  ];
}
