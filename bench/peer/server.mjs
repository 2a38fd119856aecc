// The peer of the benchmark: PostGraphile 5 on the same database, with the same role and policies. One worker per
// core, as its users would run it. The organization comes in a header, so there is no token to verify.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { availableParallelism } from "node:os";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

function setting(name, otherwise) {
  const value = process.env[name] ?? otherwise;
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

async function serve() {
  const preset = {
    extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset],
    pgServices: [
      makePgService({
        connectionString: setting("PEER_DATABASE_URL"),
        schemas: setting("PEER_SCHEMAS", "app").split(","),
        poolConfig: { max: 10 },
      }),
    ],
    grafserv: { watch: false },
    grafast: {
      context: (request) => ({
        pgSettings: { "app.current_organization_id": request.node?.req?.headers["x-organization"] },
      }),
    },
  };
  const server = createServer();
  await postgraphile(preset).createServ(grafserv).addTo(server);
  const port = Number(setting("PEER_PORT", "5678"));
  server.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${port}/graphql`));
}

const workers = Number(setting("PEER_WORKERS", availableParallelism()));
if (cluster.isPrimary && workers > 1) {
  for (let started = 0; started < workers; started += 1) cluster.fork();
  // With a worker missing the comparison would be unfair.
  cluster.on("exit", (_, code) => process.exit(code || 1));
} else {
  await serve();
}
