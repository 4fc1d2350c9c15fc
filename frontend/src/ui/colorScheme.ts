import type { MantineColorScheme, MantineColorSchemeManager } from '@mantine/core';

const key = 'sentinel-theme'; // public/theme.js reads it before the first paint

/** Keeps the chosen theme in this browser; where storage is switched off, for this visit. */
export const colorSchemes: MantineColorSchemeManager = {
  get: (fallback) => {
    try {
      const chosen = localStorage.getItem(key);
      return chosen === 'dark' || chosen === 'light' ? chosen : fallback;
    } catch {
      return fallback;
    }
  },
  set: (chosen: MantineColorScheme) => {
    try {
      localStorage.setItem(key, chosen);
    } catch {
      // nothing to keep it in
    }
  },
  subscribe: () => {},
  unsubscribe: () => {},
  clear: () => {
    try {
      localStorage.removeItem(key);
    } catch {
      // nothing was kept
    }
  },
};
