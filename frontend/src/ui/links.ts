/** Where things are shown, so that every link to one goes to the same place. */
export const links = {
  alert: (id: string) => `/alerts/${encodeURIComponent(id)}`,
  incident: (id: string) => `/incidents/${encodeURIComponent(id)}`,
  decision: (id: string) => `/ip-management/${encodeURIComponent(id)}`,
  exchange: (id: string) => `/logs/${encodeURIComponent(id)}`,
  /** The traffic of one address. */
  client: (address: string) => `/logs?client=${encodeURIComponent(address)}`,
  /** The traffic of one path. */
  path: (path: string) => `/logs?path=${encodeURIComponent(path)}`,
  status: (status: number) => `/logs?status=${status}`,
};
