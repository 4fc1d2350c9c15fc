/** What a new rule begins as: one that can be saved, in shadow. */
export const template = `id: my-rule
title: What the alert is called
explains: What it looks for, in plain words, for who gets the alert.
when:
  method: POST
  route: /api/login
  status: [401, 403]
  # where: hour < 5 && country != "NZ"   a CEL expression
by: client
count: 10
within: 10m
severity: MEDIUM
do: block
for: 30m
mode: shadow
`;
