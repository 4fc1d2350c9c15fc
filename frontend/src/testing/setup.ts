import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach, vi } from 'vitest';

afterEach(() => cleanup());

// A busy machine is slow, not wrong.
configure({ asyncUtilTimeout: 8_000 });
vi.setConfig({ testTimeout: 30_000 });

// There is no canvas here. What a chart draws is tested as a value, see charts/*.test.ts.
vi.mock('../charts/echarts', () => ({
  echarts: { init: () => ({ setOption: () => {}, resize: () => {}, dispose: () => {}, on: () => {} }) },
}));

// Mantine asks for both; happy-dom has no layout.
window.matchMedia ??= (query: string) =>
  ({
    matches: false,
    media: query,
    addEventListener: () => {},
    removeEventListener: () => {},
  }) as unknown as MediaQueryList;
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
