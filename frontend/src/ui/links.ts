/** Where things are shown, so that every link to one goes to the same place. */
export const links = {
  alert: (id: string) => `/alerts/${encodeURIComponent(id)}`,
  incident: (id: string) => `/incidents/${encodeURIComponent(id)}`,
  decision: (id: string) => `/ip-management/${encodeURIComponent(id)}`,
  exchange: (id: string) => `/logs/${encodeURIComponent(id)}`,
  /** The traffic of one address. */
  client: (address: string) => `/logs?client=${encodeURIComponent(address)}`,
  /** The traffic that claims to act for an account. */
  account: (name: string) => `/logs?account=${encodeURIComponent(name)}`,
  /** The alerts about an account, or tripped while acting for it. */
  alertsOfAccount: (name: string) => `/alerts?status=all&account=${encodeURIComponent(name)}`,
  /** What is decided about one address, and what is known of it. */
  decisionsAbout: (address: string) => {
    const about = encodeURIComponent(address);
    return `/ip-management?q=${about}&client=${about}`;
  },
  /** The alerts about one address. */
  alertsAbout: (address: string) => `/alerts?status=all&client=${encodeURIComponent(address)}`,
  /** The form that blocks, allows or monitors it. */
  decide: (address: string) => `/ip-management?add=${encodeURIComponent(address)}`,
  /** The traffic of one path. */
  path: (path: string) => `/logs?path=${encodeURIComponent(path)}`,
  status: (status: number) => `/logs?status=${status}`,
};
