import { useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { IconDeviceDesktop, IconMoon, IconSearch, IconSun } from '@tabler/icons-react';
import { lazy, Suspense, useEffect, useState } from 'react';
import { Link } from 'wouter';
import { Logo } from '../ui/Logo';
import { DemoNote, LiveBadge } from './Badges';
import { OperatorMenu } from './OperatorMenu';
import classes from './TopBar.module.css';
import type { Health } from './useHealth';

const Search = lazy(async () => ({ default: (await import('./Search')).Search }));

/** The top of the console: name, search, how things stand, theme. */
export function TopBar({ health }: { health: Health | undefined }) {
  const [searching, setSearching] = useState<boolean>();
  useEffect(() => {
    const open = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement).closest?.('input, textarea, select, [contenteditable]');
      const command = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k';
      if (!command && (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey)) return;
      event.preventDefault();
      setSearching(true);
    };
    addEventListener('keydown', open);
    return () => removeEventListener('keydown', open);
  }, []);

  return (
    <header className={classes.top}>
      <Link href="/" className={classes.brand} aria-label="Sentinel, dashboard">
        <Logo />
        <span className={classes.name}>Sentinel</span>
      </Link>
      <button
        type="button"
        className={classes.search}
        onClick={() => setSearching(true)}
        aria-label="Search a reference, address, alert…"
        aria-keyshortcuts="Control+K Meta+K /"
      >
        <IconSearch size={16} aria-hidden />
        <span className={classes.hint}>Search a reference, address, alert…</span>
        <kbd className={classes.key} aria-hidden>
          /
        </kbd>
      </button>
      {/* Once opened it stays, so that closing can be seen and the next opening is at once. */}
      {searching !== undefined && (
        <Suspense>
          <Search opened={searching} onClose={() => setSearching(false)} />
        </Suspense>
      )}
      <div className={classes.state}>
        {health?.demo && <DemoNote />}
        <LiveBadge />
        <ThemeSwitch />
        <OperatorMenu />
      </div>
    </header>
  );
}

const next = { auto: 'dark', dark: 'light', light: 'auto' } as const;
const icons = { auto: IconDeviceDesktop, dark: IconMoon, light: IconSun };
const names = { auto: 'as the system', dark: 'dark', light: 'light' };

function ThemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const shown = useComputedColorScheme('dark');
  const Icon = icons[colorScheme];
  const label = `Theme: ${names[colorScheme]}. Switch to ${names[next[colorScheme]]}`;
  useEffect(() => {
    const bar = document.querySelector('meta[name="theme-color"]') ?? document.createElement('meta');
    bar.setAttribute('name', 'theme-color');
    bar.setAttribute('content', shown === 'dark' ? '#0a0f16' : '#eff2f6');
    document.head.append(bar);
  }, [shown]);
  return (
    <button
      type="button"
      className={classes.theme}
      aria-label={label}
      title={label}
      onClick={() => setColorScheme(next[colorScheme])}
    >
      <Icon size={18} stroke={1.8} aria-hidden />
    </button>
  );
}
