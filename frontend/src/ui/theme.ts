import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

/** The one accent. Shade 8 carries white text in the light theme, shade 4 dark text in the dark one. */
const beacon: MantineColorsTuple = [
  '#e3fbf6',
  '#c6f3ea',
  '#96e6d7',
  '#63d8c3',
  '#35d0ba',
  '#1cb8a2',
  '#12a08d',
  '#0d8b7a',
  '#0b7568',
  '#075c52',
];

/** Graphite with a little navy: Mantine draws the dark theme's surfaces from this. */
const dark: MantineColorsTuple = [
  '#e4ecf4',
  '#b9c7d5',
  '#96a8ba',
  '#5d7187',
  '#33465a',
  '#22303f',
  '#16202d',
  '#0a0f16',
  '#080c12',
  '#05080c',
];

export const theme = createTheme({
  colors: { beacon, dark },
  primaryColor: 'beacon',
  primaryShade: { light: 8, dark: 4 },
  autoContrast: true,
  luminanceThreshold: 0.32,
  fontFamily: 'var(--s-font)',
  fontFamilyMonospace: 'var(--s-mono)',
  headings: { fontFamily: 'var(--s-font)', fontWeight: '620' },
  defaultRadius: 'md',
  radius: { xs: '3px', sm: '5px', md: '7px', lg: '11px', xl: '16px' },
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
  // Mantine takes white for text on the accent in both themes; on the dark theme's it can't be read.
  components: {
    Button: {
      vars: (_theme: unknown, { variant = 'filled', color }: { variant?: string; color?: string }) => ({
        root:
          variant === 'filled' && !color
            ? {
                '--button-bg': 'var(--s-accent)',
                '--button-hover': 'color-mix(in srgb, var(--s-accent) 88%, var(--s-text))',
                '--button-color': 'var(--s-accent-text)',
              }
            : {},
      }),
    },
    Checkbox: { vars: () => ({ root: { '--checkbox-icon-color': 'var(--s-accent-text)' } }) },
    Radio: { vars: () => ({ root: { '--radio-icon-color': 'var(--s-accent-text)' } }) },
  },
});

/** Points Mantine's own variables at ours (tokens.css), so that both speak one palette. */
export const variables: CSSVariablesResolver = () => {
  const ours = {
    '--mantine-color-body': 'var(--s-panel)',
    '--mantine-color-text': 'var(--s-text)',
    '--mantine-color-dimmed': 'var(--s-dim)',
    '--mantine-color-placeholder': 'var(--s-dim)',
    '--mantine-color-default': 'var(--s-raised)',
    '--mantine-color-default-hover': 'var(--s-hover)',
    '--mantine-color-default-border': 'var(--s-edge)',
    '--mantine-color-default-color': 'var(--s-text)',
    '--mantine-color-error': 'var(--s-bad)',
    '--mantine-color-anchor': 'var(--s-accent)',
  };
  return { variables: {}, light: ours, dark: ours };
};
