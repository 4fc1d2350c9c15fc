/** What the playground opens with: one of each kind, so that nobody starts from an empty page. */
export const examples: { query: string; variables?: string }[] = [
  {
    query: `# The last hour, and what is under attack now. Run it with Ctrl-Enter.
query Overview {
  stats(window: "1h") {
    now { requests failed refused failedShare activeAlerts blockedClients }
    before { requests activeAlerts blockedClients }
    requestsPerSecond
    topEndpoints { path requests took }
  }
  alerts(filter: { status: OPEN }, first: 10) {
    totalCount
    edges { node { id severity title client reason lastAt } }
  }
}
`,
  },
  {
    query: `# Stays open: start an attack in the simulator and watch the alerts arrive.
subscription Alerts {
  alertRaised { id severity title client reason firstAt decision { id until } }
}
`,
  },
  {
    query: `# Blocks a network for a quarter of an hour. Undo it with lift(ids: ["D-…"]).
mutation BlockNetwork($target: Network!) {
  block(input: { target: $target, reason: "tried out in the playground", duration: "15m" }) {
    id
    until
    target { label }
  }
}
`,
    variables: '{\n  "target": "198.18.200.0/24"\n}\n',
  },
];
